package lora

import "time"

// An Observer is told what happens in a run. Functions that are nil are not called; an error ends the run. A run has
// any number of observers and calls them one after the other, on its own goroutine, in this order at each step: OnStep
// or OnSkip, OnLog, OnEval, OnProbe, OnSave and OnSaved.
type Observer struct {
	OnPlan  func(Plan) error                   // once the memory is there, before the first step
	OnStep  func(Progress) error               // after each step
	OnSkip  func(Skip) error                   // after a step that changed nothing
	OnLog   func(Progress) error               // after each LoggingSteps steps
	OnEval  func(Evaluated) error              // after an evaluation between the steps
	OnProbe func(Probed) error                 // after a prompt was answered between the steps
	OnSave  func(dir string, p Progress) error // may add files to the checkpoint that is being written to dir
	OnSaved func(Saved) error                  // after a checkpoint was written, or could not be
}

// Plan is what is known before the first step.
type Plan struct {
	Steps            int
	Done             int           // steps that were done before, where a run goes on
	Ended            bool          // nothing is left to do
	Took             time.Duration // by those
	OtherDevice      string        // that those were done on, if it is not the one now: results differ in their last bits
	Rows, Tokens     int           // of one epoch
	Supervised       int           // tokens of one epoch that the loss is over
	ActivationBytes  int64         // of the largest pass
	LargestTokens    int           // of a pass, padding to the bucket included
	LaunchesPerBatch int           // kernels that one pass of that size launches
	Best             *Best         // so far, where a run goes on; nil if there is none
	BestLost         string        // where the best's checkpoint was, if it is there no more: the search begins anew
}

// Progress is the state after a step. In OnLog, Loss and Tokens are of the steps since the last log: the mean and the
// sum.
type Progress struct {
	Step, Steps  int
	Epoch        float64
	Loss         float64
	GradNorm     float64 // of this step, before clipping
	LearningRate float64 // that this step used
	Tokens       int
	Elapsed      time.Duration // of all steps so far, those before a resumption included
	Between      time.Duration // of what was done between them: evaluations and probes
}

// Skip is a step whose loss or gradient was not finite: the adapter and the optimizer are as they were before it.
type Skip struct {
	Progress
	InARow, Total int
}

// Evaluated is what the loss over the rows kept for evaluation was after a step; after step 0 it is the loss before
// training, which is compared with nothing.
type Evaluated struct {
	Step, Steps int
	Epoch       float64
	Loss        Evaluation // NaN where Err is set
	EvalLoss    float64    // eval_loss, which is compared: Loss.Loss or, with EvalOptions.Rows, Loss.BatchLoss
	Err         error      // ErrNotFinite: the run goes on
	Best        bool       // lower than after every step before
	Lowest      *Best      // of all steps up to this one; nil if there is none
}

// Best is the step after which eval_loss was lowest: best_metric, best_global_step and best_model_checkpoint of
// transformers.
type Best struct {
	Step     int        `json:"step"`
	EvalLoss float64    `json:"eval_loss"`
	Dir      string     `json:"checkpoint,omitempty"` // its checkpoint, or where it will be; empty if none is made
	Loss     Evaluation `json:"loss"`
}

// Probed is what the model answered to a prompt after a step.
type Probed struct {
	Step, Steps    int
	Prompt, Answer string
}

// Saved is a checkpoint that was written. Err is set if it could not be: the run goes on and tries again at the next.
type Saved struct {
	Dir  string
	Step int
	Err  error
}

// TrainReport is what a whole run did, the steps before a resumption included.
type TrainReport struct {
	Steps        int
	Skipped      int     // of the steps
	Loss         float64 // mean over the steps
	Tokens       int     // trained on, padding not counted
	Elapsed      time.Duration
	Interrupted  bool   // the context was done before everything was
	StoppedEarly bool   // eval_loss had not become better for EvalOptions.Patience evaluations
	Checkpoint   string // the newest that was written; empty if none was

	AdapterStep   int         // the step that the adapter is as it was after: the last, or with LoadBest the best
	Before, After *Evaluation // before the first step and of the adapter; nil if not measured or not finite
	Best          *Best
	BestErr       error // why the best adapter could not be loaded: the adapter is that of the last step
}

// tell calls one function of every observer that has it.
func tell[T any](all []Observer, which func(*Observer) func(T) error, x T) error {
	for i := range all {
		if f := which(&all[i]); f != nil {
			if err := f(x); err != nil {
				return err
			}
		}
	}
	return nil
}
