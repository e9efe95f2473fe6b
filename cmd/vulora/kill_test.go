package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// maxKills is how often a run is killed before it is left alone.
const maxKills = 20

// A run that is killed again and again, at any moment and while it saves, and each time goes on from its newest
// checkpoint, ends with the adapter of a run that was left alone, bit for bit.
func TestKilledRunsGoOn(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT TESTED: -short, and this trains for seconds")
	}
	t.Run("cpu", func(t *testing.T) { killedRunGoesOn(t, "cpu") })
	t.Run("vulkan", func(t *testing.T) {
		if os.Getenv("VULORA_TEST_VULKAN") == "off" {
			t.Skip("NOT TESTED ON VULKAN: VULORA_TEST_VULKAN=off")
		}
		killedRunGoesOn(t, "vulkan")
	})
}

func killedRunGoesOn(t *testing.T, device string) {
	killable := func(output string) *exec.Cmd { return killable(device, output) }
	whole, killed := t.TempDir(), filepath.Join(t.TempDir(), "run")
	begun := time.Now()
	if text, err := killable(whole).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	took := time.Since(begun)

	seed := rand.Uint64()
	t.Logf("a whole run takes %v; moments by seed %d", took, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	kills, saving, resumed := 0, 0, 0
	for done := false; !done; {
		c := killable(killed)
		var text bytes.Buffer
		c.Stderr = &text
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		end := make(chan error, 1)
		go func() { end <- c.Wait() }()
		moment, inSave := time.Duration(random.Int64N(int64(min(took/4, time.Second)))), kills%2 == 0
		ended, err := until(end, killed, moment, inSave && kills < maxKills, kills >= maxKills)
		if !ended {
			if inSave {
				saving++
			}
			kills++
			c.Process.Kill()
			err = <-end
		}
		if strings.Contains(text.String(), "resumed") {
			resumed++
		}
		if done = err == nil; !done && ended {
			t.Fatalf("after %d kills: %v\n%s", kills, err, &text)
		}
	}
	t.Logf("killed %d times, %d of them while saving; went on %d times", kills, saving, resumed)
	if saving == 0 || resumed == 0 {
		t.Errorf("want kills while saving and runs that go on, have %d and %d", saving, resumed)
	}
	compareFiles(t, filepath.Join(killed, "adapter_model.safetensors"), filepath.Join(whole, "adapter_model.safetensors"))
}

// killable is a run that makes a checkpoint after each step and goes on from the newest there is.
func killable(device, output string) *exec.Cmd {
	return exec.Command("vulora", "train", "--model", filepath.Join("demodata", "qwen2-demo"), "--data",
		filepath.Join("demodata", "korean_counties.json"), "--output", output, "--device", device, "--limit", "16",
		"--max-steps", "24", "--per-device-train-batch-size", "1", "--lora-dropout", "0.1", "--save-steps", "1",
		"--save-total-limit", "2", "--resume", "auto")
}

// until waits for the end of a run or for the moment to kill it: after some time or, if inSave is set, while a
// checkpoint is written, and not the first one, or an old one removed.
func until(end <-chan error, dir string, moment time.Duration, inSave, never bool) (ended bool, err error) {
	at := time.Now().Add(moment)
	for {
		select {
		case err := <-end:
			return true, err
		case <-time.After(200 * time.Microsecond):
		}
		if never || time.Now().Before(at) {
			continue
		}
		if !inSave {
			return false, nil
		}
		writing, _ := filepath.Glob(filepath.Join(dir, ".checkpoint-*"))
		if earlier, _ := filepath.Glob(filepath.Join(dir, "checkpoint-*")); len(writing) > 0 && len(earlier) > 0 {
			return false, nil
		}
	}
}

func compareFiles(t *testing.T, have, want string) {
	t.Helper()
	h, err := os.ReadFile(have)
	if err != nil {
		t.Fatal(err)
	}
	w, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(h, w) {
		t.Errorf("%s: want the %d bytes of %s, have %d others", have, len(w), want, len(h))
	}
}
