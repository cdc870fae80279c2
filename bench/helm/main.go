// Helm's engine in process: reads one request per line of standard input, answers each with one line of JSON.
package main

import (
	"bufio"
	"encoding/json"
	"io"
	"log"
	"os"
	"strings"
	"syscall"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
)

// Renders the chart of a folder again and again for about so long, once at least.
type request struct {
	Folder   string  `json:"folder"`
	BudgetMs float64 `json:"budgetMs"`
	// "wall", or "cpu": the time of all threads, which other programs on the machine do not disturb.
	Clock string `json:"clock"`
}

// Milliseconds of each turn: without reading and parsing the chart's files, and with it.
type answer struct {
	RenderMs []float64 `json:"renderMs"`
	WholeMs  []float64 `json:"wholeMs"`
	Error    string    `json:"error,omitempty"`
}

// What `helm template` does between loading and printing.
func render(c *chart.Chart) error {
	values := map[string]interface{}{}
	if err := chartutil.ProcessDependenciesWithMerge(c, values); err != nil {
		return err
	}
	options := chartutil.ReleaseOptions{Name: "release-name", Namespace: "default", Revision: 1, IsInstall: true}
	caps := chartutil.DefaultCapabilities.Copy()
	caps.KubeVersion = chartutil.KubeVersion{Version: "v1.34.0", Major: "1", Minor: "34"}
	top, err := chartutil.ToRenderValuesWithSchemaValidation(c, values, options, caps, false)
	if err != nil {
		return err
	}
	files, err := engine.Render(c, top)
	if err != nil {
		return err
	}
	for name := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(files, name)
		}
	}
	_, _, err = releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	return err
}

func (r request) nowMs() float64 {
	if r.Clock != "cpu" {
		return float64(time.Since(began).Nanoseconds()) / 1e6
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
}

var began = time.Now()

// Rendering changes the chart, as in every use of Helm: each turn loads its own.
func measure(r request) answer {
	var a answer
	var spent float64
	for len(a.WholeMs) == 0 || spent < r.BudgetMs {
		start := r.nowMs()
		c, err := loader.LoadDir(r.Folder)
		loaded := r.nowMs()
		if err == nil {
			err = render(c)
		}
		end := r.nowMs()
		if err != nil {
			return answer{Error: err.Error()}
		}
		spent += end - start
		a.RenderMs = append(a.RenderMs, end-loaded)
		a.WholeMs = append(a.WholeMs, end-start)
	}
	return a
}

func main() {
	log.SetOutput(io.Discard)
	in := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var r request
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			_ = out.Encode(answer{Error: err.Error()})
			continue
		}
		_ = out.Encode(measure(r))
	}
}
