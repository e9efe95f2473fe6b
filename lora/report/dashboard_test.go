package report

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vulora/vulora/lora"
)

func listen(t *testing.T, address string) *Dashboard {
	t.Helper()
	d, err := Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func get(t *testing.T, url, host string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// tellLive tells a page of a run of 300 steps up to step 200, with what a model might write to break out of it.
func tellLive(t *testing.T, d *Dashboard) (*Set, []lora.Observer) {
	t.Helper()
	d.Describe("a <b>model</b>", "out", func() int64 { return 3 << 30 })
	s := &Set{Reports: []Report{d}}
	all := begin(t, s, lora.Plan{Steps: 300, Rows: 48})
	for step := 1; step <= 200; step++ {
		p := lora.Progress{Step: step, Steps: 300, Epoch: float64(step) / 100, Loss: fall(step, 300), GradNorm: 1,
			LearningRate: 1e-4, Tokens: 100, Elapsed: time.Duration(step) * time.Second}
		if step == 150 {
			p.Loss = math.NaN()
			tell(t, all, onSkip, lora.Skip{Progress: p, Total: 1})
			continue
		}
		tell(t, all, onStep, p)
		if step%50 == 0 {
			tell(t, all, onEval, lora.Evaluated{Step: step, EvalLoss: 0.5, Lowest: &lora.Best{Step: 50, EvalLoss: 0.5}})
			tell(t, all, onProbe, lora.Probed{Step: step, Prompt: "who <i>are</i> you?",
				Answer: fmt.Sprintf(`<img src=x onerror="document.title='broken'">%d</script><script>bad()</script>`, step)})
		}
	}
	return s, all
}

func TestDashboardTellsTheRun(t *testing.T) {
	d := listen(t, ":0")
	if !strings.HasPrefix(d.URL(), "http://127.0.0.1:") || d.Public() {
		t.Errorf("want an address of this machine only, have %s", d.URL())
	}
	_, all := tellLive(t, d)
	res, body := get(t, d.URL()+"data", "")
	var have liveDataRead
	if err := json.Unmarshal([]byte(body), &have); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if res.StatusCode != 200 || have.State != "running" || have.Step != 200 || have.Steps != 300 || have.Rate < 99 ||
		have.Rate > 101 || have.Left != 100 || have.Memory != 3<<30 || have.Skipped != 1 || have.Best.Step != 50 ||
		len(have.Charts) != 4 || have.Charts[0].Count != 199 || len(have.Probes) != 1 || len(have.Probes[0].Answers) != 3 {
		t.Errorf("have %d %+v", res.StatusCode, have)
	}
	if res, body = get(t, fmt.Sprintf("%sdata?seen=%d", d.URL(), have.Version), ""); res.StatusCode != 204 || body != "" {
		t.Errorf("nothing has changed: have %d %q", res.StatusCode, body)
	}
	for i := range 3 * maxAnswers {
		tell(t, all, onProbe, lora.Probed{Step: i, Prompt: "who <i>are</i> you?", Answer: strings.Repeat("나", maxProbeText)})
	}
	for i := range 2 * maxProbes {
		tell(t, all, onProbe, lora.Probed{Prompt: fmt.Sprint(i)})
	}
	if p := d.state.Probes; len(p) != maxProbes || len(p[0].Answers) != maxAnswers ||
		len(p[0].Answers[0].Text) > maxProbeText+3 {
		t.Errorf("have %d prompts with %d answers", len(p), len(p[0].Answers))
	}
}

// liveDataRead is what a program that reads /data sees.
type liveDataRead struct {
	State, Error                          string
	Version, Step, Steps, Memory, Skipped int
	Rate                                  float64 `json:"tokens_per_second"`
	Left                                  float64
	Best                                  lowest
	Charts                                []struct {
		Name  string
		Count int
		Line  []float64
	}
	Probes []liveProbe
}

// Another site, whose name was made to lead here, may read nothing; nor may a page do what it should not.
func TestDashboardIsOnlyForItsOwnPage(t *testing.T) {
	d := listen(t, "localhost:0")
	_, port, _ := net.SplitHostPort(d.listener.Addr().String())
	for host, want := range map[string]int{"": 200, "localhost:" + port: 200, "LOCALHOST": 200, "[::1]:9000": 200,
		"127.0.0.1:9000": 200, "evil.example": 421, "evil.example:" + port: 421, "192.168.0.7:" + port: 421,
		"127.0.0.1.evil.example": 421, "localhost.evil.example:80": 421} {
		for _, path := range []string{"", "data"} {
			res, body := get(t, d.URL()+path, host)
			if res.StatusCode != want || want != 200 && strings.Contains(body, "{") {
				t.Errorf("/%s for %q: want %d, have %d", path, host, want, res.StatusCode)
			}
			if p := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(p, "default-src 'none'") ||
				res.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("have headers %v", res.Header)
			}
		}
	}
	if res, err := http.Post(d.URL()+"data", "text/plain", strings.NewReader("x")); err != nil || res.StatusCode != 405 {
		t.Errorf("want no other method, have %v, %v", res, err)
	}
	if res, _ := get(t, d.URL()+"../../etc/passwd", ""); res.StatusCode != 404 {
		t.Errorf("want no other path, have %d", res.StatusCode)
	}
	for _, bad := range []string{"http://", "https://", "@import", "url("} {
		if strings.Contains(strings.ReplaceAll(string(page), "http://www.w3.org/2000/svg", ""), bad) {
			t.Errorf("the page asks elsewhere: %s", bad)
		}
	}
}

// A port that is taken, and what is no address, are errors at once.
func TestDashboardAddress(t *testing.T) {
	d := listen(t, "127.0.0.1:0")
	for _, address := range []string{d.listener.Addr().String(), "8080", "host:port:x", ":99999", "256.1.1.1:0"} {
		if again, err := Listen(address); err == nil {
			again.Close()
			t.Errorf("%s: want an error", address)
		}
	}
}

// A browser that asks and does not read holds up neither the steps nor the end.
func TestDashboardWithSlowReader(t *testing.T) {
	d := listen(t, ":0")
	for range 20 {
		c, err := net.Dial("tcp", d.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, strings.Repeat("GET /data HTTP/1.1\r\nHost: localhost\r\n\r\n", 100)); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() {
		s, _ := tellLive(t, d)
		s.End(End{})
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute): // far more than the two seconds that an end may wait
		t.Fatal("the run waits for a browser")
	}
}

// An open page has the last figures before the server ends.
func TestDashboardEnds(t *testing.T) {
	for want, end := range map[string]End{"finished": {}, "failed": {Err: io.ErrUnexpectedEOF},
		"interrupted": {TrainReport: lora.TrainReport{Interrupted: true}}} {
		d := listen(t, ":0")
		s, _ := tellLive(t, d)
		last := make(chan string)
		get(t, d.URL()+"data", "")
		go func() {
			state := ""
			for {
				res, err := http.Get(d.URL() + "data")
				if err != nil {
					break
				}
				var have liveDataRead
				if json.NewDecoder(res.Body).Decode(&have) == nil {
					state = have.State
				}
				res.Body.Close()
				time.Sleep(10 * time.Millisecond)
			}
			last <- state
		}()
		s.End(end)
		if have := <-last; have != want {
			t.Errorf("want %s, have %q", want, have)
		}
	}
}

// A real browser shows the figures, keeps what a model wrote as text, and has nothing to complain of.
func TestDashboardInABrowser(t *testing.T) {
	chromium := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			chromium = path
			break
		}
	}
	if chromium == "" {
		t.Skip("NOT TESTED IN A BROWSER: no Chromium is installed")
	}
	d := listen(t, ":0")
	tellLive(t, d)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	args := []string{"--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + t.TempDir(),
		"--virtual-time-budget=3000", "--window-size=1100,1500", "--enable-logging=stderr"}
	c := exec.CommandContext(ctx, chromium, append(args, "--dump-dom", d.URL())...)
	var log strings.Builder
	c.Stderr = &log
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, log.String())
	}
	dom := string(out)
	for _, want := range []string{"a &lt;b&gt;model&lt;/b&gt;", ">running<", "200 / 300", "best, at step 50", "3.00 GiB",
		"&lt;img src=x onerror", "200&lt;/script&gt;", "who &lt;i&gt;are", ">gradient norm 1<", "1m40s", "steps skipped",
		"<title>66 % vulora train</title>"} {
		if !strings.Contains(dom, want) {
			t.Errorf("want %q in %s", want, dom)
		}
	}
	if strings.Contains(dom, "<img") || strings.Count(dom, "<script") != 1 {
		t.Errorf("an answer became part of the page: %s", dom)
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("in the console: %s", line)
		}
	}
	if dir := os.Getenv("VULORA_PLOTS"); dir != "" { // to look at
		picture := "--screenshot=" + filepath.Join(dir, "dashboard.png")
		if err := exec.CommandContext(ctx, chromium, append(args, picture, d.URL())...).Run(); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkDashboard(b *testing.B) {
	d, err := Listen(":0")
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	if err := d.Begin(Run{Plan: lora.Plan{Steps: 100_000}}); err != nil {
		b.Fatal(err)
	}
	on, step := d.Observer().OnStep, 0
	b.Run("step", func(b *testing.B) {
		for b.Loop() {
			step++
			if err := on(lora.Progress{Step: step, Steps: 100_000, Loss: fall(step, 100_000), Tokens: 1}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("data", func(b *testing.B) { // what a page asks for each second, on another goroutine
		for b.Loop() {
			res, err := http.Get(d.URL() + "data")
			if err != nil {
				b.Fatal(err)
			}
			n, err := io.Copy(io.Discard, res.Body)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(n), "B/answer")
			res.Body.Close()
		}
	})
}
