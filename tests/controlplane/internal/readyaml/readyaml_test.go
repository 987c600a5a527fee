package readyaml

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"
)

func TestRead(t *testing.T) {
	tests := []struct {
		name, file string
		documents  string
		fails      bool
	}{
		{"empty", "", `[]`, false},
		{"comments and empty documents", "# a\n---\n---\nnull\n---\na: 1\n", `[{"a":1}]`, false},
		{"octal, boolean and float of YAML 1.1", "a: 0644\nb: yes\nc: 1e3\n", `[{"a":420,"b":true,"c":1000}]`, false},
		{"keys become strings", "1: a\nyes: b\n", `[{"1":"a","true":"b"}]`, false},
		{"last of duplicate keys", "a: 1\na: 2\n", `[{"a":2}]`, false},
		{"large whole number", "a: 9007199254740993\n", `[{"a":9007199254740993}]`, false},
		{"JSON stream", `{"a":1}{"a":2}`, `[{"a":1},{"a":2}]`, false},
		{"byte-order mark", "\ufeffa: 1\n", `[{"a":1}]`, false},
		{"UTF-16", utf16LE("\ufeffa: 1\n"), `[{"a":1}]`, false},
		{"no object", "- a\n---\nb\n", `[["a"],"b"]`, false},
		{"documents before an error", "a: 1\n---\n\tb: 2\n", `[{"a":1}]`, true},
		{"text after a separator", "--- a: 1\n", `[]`, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Read(strings.NewReader(test.file))
			documents, err := json.Marshal(got.Documents)
			if err != nil {
				t.Fatal(err)
			}
			if string(documents) != test.documents {
				t.Errorf("documents %s, want %s", documents, test.documents)
			}
			if fails := got.Error != ""; fails != test.fails {
				t.Errorf("error %q", got.Error)
			}
		})
	}
}

func TestBatchAnswersEachFrameWithALine(t *testing.T) {
	files := []string{"a: 1\n", "", "{", "b: \"x\\ny\"\n"}
	var in, out, want bytes.Buffer
	for _, file := range files {
		fmt.Fprintf(&in, "%d\n%s", len(file), file)
		if err := Write(&want, Read(strings.NewReader(file))); err != nil {
			t.Fatal(err)
		}
	}
	if err := Batch(&in, &out); err != nil {
		t.Fatal(err)
	}
	if out.String() != want.String() {
		t.Errorf("got\n%swant\n%s", &out, &want)
	}
	if lines := strings.Count(out.String(), "\n"); lines != len(files) {
		t.Errorf("%d lines for %d frames", lines, len(files))
	}
}

func TestBatchRefusesBrokenFrames(t *testing.T) {
	for _, in := range []string{"x\n", "5", "5\nab", "-1\n", "\n"} {
		if err := Batch(strings.NewReader(in), &bytes.Buffer{}); err == nil {
			t.Errorf("%q: no error", in)
		}
	}
}

func TestErrorIsLeftOutWithoutOne(t *testing.T) {
	var out bytes.Buffer
	if err := Write(&out, Read(strings.NewReader("a: 1"))); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if want := map[string]any{"documents": []any{map[string]any{"a": 1.0}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func utf16LE(s string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(s)) {
		b.WriteByte(byte(unit))
		b.WriteByte(byte(unit >> 8))
	}
	return b.String()
}
