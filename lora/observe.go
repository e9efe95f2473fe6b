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
	Took             time.Duration // by those
	OtherDevice      string        // that those were done on, if it is not the one now: results differ in their last bits
	Rows, Tokens     int           // of one epoch
	Supervised       int           // tokens of one epoch that the loss is over
	ActivationBytes  int64         // of the largest micro-batch
	LargestTokens    int           // of a micro-batch, padding to the bucket included
	LaunchesPerBatch int           // kernels that one micro-batch of that size launches
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
}

// Skip is a step whose loss or gradient was not finite: the adapter and the optimizer are as they were before it.
type Skip struct {
	Progress
	InARow, Total int
}

// Evaluated is what the adapter's loss over the rows kept for evaluation was after a step; after step 0 it is the
// loss before training.
type Evaluated struct {
	Step, Steps int
	Epoch       float64
	Loss        Evaluation
	Best        bool // lower than after every step before
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
	Steps       int
	Skipped     int     // of the steps
	Loss        float64 // mean over the steps
	Tokens      int     // trained on, padding not counted
	Elapsed     time.Duration
	Interrupted bool   // the context was done before the last step
	Checkpoint  string // of the last step, if one was written
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
