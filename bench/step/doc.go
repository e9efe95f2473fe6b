// Package step measures whole training steps, prompts and decoding: tokens per second, launches, memory, the time
// outside launches, and how near all that comes to the ceilings that package bench measures. It knows models and
// training from the outside only: what their programs do it learns as the device that they run on (Watched).
//
// Scaling measures how the cost grows with the length of rows, with the size of the model and with workers.
package step
