// Package readyaml reads manifests the way kubectl does, up to the point where
// kubectl begins to look at their kinds. It is the truth that another reader of
// the same files can be tested against.
package readyaml

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// Result is what kubectl makes of one file.
type Result struct {
	// Documents are those read before the error, if there is one.
	Documents []any  `json:"documents"`
	Error     string `json:"error,omitempty"`
}

// Read reads one file. It repeats FileVisitor.Visit and StreamVisitor.Visit of
// k8s.io/cli-runtime, which cannot be called without a cluster's kinds.
func Read(r io.Reader) Result {
	result := Result{Documents: []any{}}
	r = transform.NewReader(r, unicode.BOMOverride(unicode.UTF8.NewDecoder()))
	d := yaml.NewYAMLOrJSONDecoder(r, 4096)
	for {
		ext := runtime.RawExtension{}
		if err := d.Decode(&ext); err != nil {
			if err != io.EOF {
				result.Error = err.Error()
			}
			return result
		}
		raw := bytes.TrimSpace(ext.Raw)
		if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
			continue
		}
		// Kubernetes' own JSON reader keeps whole numbers whole.
		var document any
		if err := utiljson.Unmarshal(raw, &document); err != nil {
			result.Error = err.Error()
			return result
		}
		result.Documents = append(result.Documents, document)
	}
}

// Batch answers each frame of in, a decimal length on a line of its own and
// that many bytes, with one line of JSON.
func Batch(in io.Reader, out io.Writer) error {
	r := bufio.NewReader(in)
	for {
		line, err := r.ReadString('\n')
		if err == io.EOF && line == "" {
			return nil
		}
		length, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
		if err != nil || length < 0 {
			return fmt.Errorf("length of a frame: %q", line)
		}
		frame := make([]byte, length)
		if _, err := io.ReadFull(r, frame); err != nil {
			return fmt.Errorf("frame of %d bytes: %w", length, err)
		}
		if err := Write(out, Read(bytes.NewReader(frame))); err != nil {
			return err
		}
	}
}

// Write prints a result as one line of JSON.
func Write(out io.Writer, result Result) error {
	return json.NewEncoder(out).Encode(result)
}
