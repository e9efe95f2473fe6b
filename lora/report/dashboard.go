package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/vulora/vulora/lora"
)

// page is all of the page: it loads nothing but /data.
//
//go:embed dashboard.html
var page []byte

// Dashboard is a page over HTTP that shows a run while it trains. It keeps its own copy of the figures under a lock
// that is held for as long as a copy takes, so that no browser, however slow, holds up a step.
type Dashboard struct {
	host     string // that was given, empty for the loopback address
	listener net.Listener
	server   *http.Server
	served   sync.WaitGroup
	close    sync.Once

	mu     sync.Mutex
	state  liveState
	memory func() int64
	h      *history
	last   time.Duration // when the last step ended
	asked  time.Time     // when a page last asked
	shown  int           // the version that it then had
}

// Listen opens the page's port: HOST:PORT, port 0 for a free one. Without a host only this machine can reach it.
func Listen(address string) (*Dashboard, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("want HOST:PORT, such as :0 or :8080, have %q", address)
	}
	d := &Dashboard{host: host}
	if host == "" {
		host = "127.0.0.1"
	}
	if d.listener, err = net.Listen("tcp", net.JoinHostPort(host, port)); err != nil {
		return nil, fmt.Errorf("want an address that can be listened on, have %q: %w", address, err)
	}
	d.state = liveState{liveFacts: liveFacts{State: "loading", Version: 1}, touched: time.Now()}
	d.server = &http.Server{Handler: d.handler(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: 30 * time.Second, MaxHeaderBytes: 1 << 14}
	d.served.Go(func() { _ = d.server.Serve(d.listener) }) // ends with Close, and says so
	return d, nil
}

// Describe says what is trained and where it goes, and how to ask for the most memory that the process has had, in
// bytes: the page does.
func (d *Dashboard) Describe(model, output string, memory func() int64) {
	d.change(func(s *liveState) { s.Model, s.Output, d.memory = model, output, memory })
}

// URL is where the page is.
func (d *Dashboard) URL() string { return "http://" + d.listener.Addr().String() + "/" }

// Public tells whether others than this machine may reach the page.
func (d *Dashboard) Public() bool {
	a, ok := d.listener.Addr().(*net.TCPAddr)
	return !ok || !a.IP.IsLoopback()
}

// Close shows pages the last figures, waiting a moment for those that are open, and ends the server. It may be called
// on nil and more than once.
func (d *Dashboard) Close() (err error) {
	if d == nil {
		return nil
	}
	d.close.Do(func() {
		for until := time.Now().Add(2 * time.Second); d.awaited() && time.Now().Before(until); {
			time.Sleep(20 * time.Millisecond)
		}
		err = d.server.Close()
		d.served.Wait()
	})
	return err
}

// awaited tells whether a page is open that does not have the last figures.
func (d *Dashboard) awaited() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Since(d.asked) < 5*time.Second && d.shown < d.state.Version
}

// handler serves the page and its figures to those who ask for them by a name that cannot be another site's.
func (d *Dashboard) handler() http.Handler {
	policy := "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; " +
		"frame-ancestors 'none'; script-src " + hashOf("script") + "; style-src " + hashOf("style")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page) // a browser that is gone
	})
	mux.HandleFunc("GET /data", d.serveData)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff",
			"Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store"} {
			w.Header().Set(name, value)
		}
		if !d.ours(r.Host) {
			http.Error(w, "vulora: want the page's own address as the name of the host", http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// hashOf is the source expression of the Content-Security-Policy for the page's only element of a name.
func hashOf(element string) string {
	_, rest, _ := strings.Cut(string(page), "<"+element+">")
	content, _, _ := strings.Cut(rest, "</"+element+">")
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// ours tells whether a request's Host is a name of this server. A site whose name was made to lead here, to read what
// only this machine may, has its own name there. An address of ours is no name, and the port may be a tunnel's.
func (d *Dashboard) ours(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().IsLoopback() || d.Public()
	}
	if host == "localhost" || strings.EqualFold(host, d.host) {
		return true
	}
	name, err := os.Hostname()
	name = strings.ToLower(name)
	return d.Public() && err == nil && (host == name || strings.HasPrefix(host, name+"."))
}

// Name is what notes call the report.
func (d *Dashboard) Name() string { return "the live page" }

// Begin takes over the log of the steps before.
func (d *Dashboard) Begin(r Run) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.h, d.last = newHistory(r, maxLivePoints), r.Took
	s := &d.state
	s.State, s.Steps, s.Step, s.epoch, s.elapsed = "running", r.Steps, r.Done, r.Past.state.Epoch, r.Took
	s.touch()
	return nil
}

// Observer collects the figures.
func (d *Dashboard) Observer() lora.Observer {
	return lora.Observer{
		OnStep: func(p lora.Progress) error {
			d.change(func(s *liveState) { d.h.step(p); d.progress(p) })
			return nil
		},
		OnSkip: func(k lora.Skip) error {
			d.change(func(s *liveState) { d.h.skip(k); d.progress(k.Progress); s.Skipped = k.Total })
			return nil
		},
		OnEval: func(e lora.Evaluated) error {
			d.change(func(s *liveState) { d.h.evaluation(e) })
			return nil
		},
		OnProbe: func(p lora.Probed) error {
			d.change(func(s *liveState) { s.probe(p) })
			return nil
		},
		OnSaved: func(v lora.Saved) error {
			d.change(func(s *liveState) {
				if v.Err == nil {
					s.Checkpoint = v.Dir
				}
			})
			return nil
		},
	}
}

func (d *Dashboard) change(f func(s *liveState)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(&d.state)
	d.state.touch()
}

func (d *Dashboard) progress(p lora.Progress) {
	s := &d.state
	s.Step, s.epoch, s.elapsed = p.Step, p.Epoch, p.Elapsed+p.Between
	s.left = time.Duration(float64(s.elapsed) / float64(max(1, p.Step)) * float64(p.Steps-p.Step))
	s.speed(p.Tokens, p.Elapsed-d.last)
	d.last = p.Elapsed
}

// End shows how the run ended. Close ends the page.
func (d *Dashboard) End(e End) error {
	d.change(func(s *liveState) {
		s.left = 0
		switch {
		case e.Err != nil:
			s.State, s.Error = "failed", cut(e.Err.Error(), 2000)
		case e.Interrupted:
			s.State = "interrupted"
		default:
			s.State = "finished"
		}
	})
	return d.Close()
}
