package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"sort"
	"strings"

	"sigs.k8s.io/yaml"
)

// statistics is what the summary is made of.
type statistics struct {
	objects, mutations int
	refusals           map[string]int
	usedPaths          map[string]int
	dropped            map[string]int
	silent             map[string]int
	edited             map[string]int // sort and field -> accepted, effective edits
	refusedEdits       map[string]int
	ineffective        map[string]int
	ranks              map[string]int // edited and, with less weight, refused ones, when the round began
	failures           map[string]int
	likes              map[string]int // the same, by what they have in common
	log                *os.File
	shown              int
	open               map[string]int // places where the judge takes either answer
	removed            map[string]int // by how the object was made
	deleted            map[string]int // by what became of the object
	repaired, unable   map[string]int // by sort and field
	repairs            struct{ objects, refused int }
	writers            writerCount
}

func newStatistics(log *os.File) *statistics {
	return &statistics{
		refusals: map[string]int{}, usedPaths: map[string]int{}, silent: map[string]int{}, dropped: map[string]int{}, edited: map[string]int{},
		refusedEdits: map[string]int{}, ineffective: map[string]int{}, failures: map[string]int{}, likes: map[string]int{}, log: log,
		writers: writerCount{ways: map[string]int{}},
		open:    map[string]int{}, removed: map[string]int{}, deleted: map[string]int{}, repaired: map[string]int{}, unable: map[string]int{},
	}
}

func (s *statistics) used(paths map[string]bool) {
	for path := range paths {
		s.usedPaths[path]++
	}
}

// notStored counts declared values that the server took without keeping them.
func (s *statistics) notStored(o *object) {
	for _, p := range places(o.kind.root, o.manifest) {
		if p.node.shape != aScalar || isZero(p.value) || bookkeeping(p.node.path) {
			continue
		}
		if _, ok := lookup(o.live, p.at); !ok {
			s.dropped[p.node.path]++
		}
	}
}

func (s *statistics) refuse(reason string) { s.refusals[likeness(reason)]++ }

var bracketed = regexp.MustCompile(`\[[^\]]*\]`)

// likeness takes the particulars out of a refusal, so that like falls to like.
func likeness(reason string) string {
	var b strings.Builder
	quoted := false
	for _, r := range first(reason, 400) {
		switch {
		case r == '"':
			quoted = !quoted
			b.WriteRune('"')
		case quoted:
		case r >= '0' && r <= '9':
		default:
			b.WriteRune(r)
		}
	}
	return first(b.String(), 160)
}

// rarest lists, for each kind, the places that were used least, those never used
// first.
func (s *statistics) rarest(schemas []*kindSchema, unreachable func(string) bool) map[string][]string {
	rare := map[string][]string{}
	for _, k := range schemas {
		var paths []string
		for _, path := range sortedKeys(k.byPath) {
			if !unreachable(path) && !bookkeeping(path) && k.byPath[path].hint != "" {
				paths = append(paths, path)
			}
		}
		sort.SliceStable(paths, func(i, j int) bool { return s.usedPaths[paths[i]] < s.usedPaths[paths[j]] })
		rare[k.kind] = paths
	}
	return rare
}

// rank works out how often an edit was tried, by which the next are chosen. It
// stays as it is during a round, so that the order of answers does not matter.
func (s *statistics) rank() {
	s.ranks = map[string]int{}
	for id, n := range s.edited {
		s.ranks[id] += n
	}
	for id, n := range s.refusedEdits {
		s.ranks[id] += n / 2
	}
	for id, n := range s.ineffective {
		s.ranks[id] += n / 2
	}
}

// countEdits counts the edits that changed what the server answers, in places
// that are judged.
func (s *statistics) countEdits(o *object, m *mutated) int {
	deltas := compareObjects(o.kind.root, o.live, m.live, o.manifest, m.matching)
	effective := 0
	for _, e := range m.edits {
		found := false
		for _, d := range deltas {
			for _, p := range []pointer{d.want, d.got} {
				if p.exists() && (e.region.covers(p) || p.covers(e.region)) {
					found = true
				}
			}
		}
		// Orders without a meaning and keys of others leave no delta, and must
		// leave no report.
		if found || e.sort == reorder || e.sort == others {
			s.edited[e.id()]++
			s.mutations++
			effective++
		} else {
			s.ineffective[e.id()]++
		}
	}
	return effective
}

// leftOpen counts what the tool made of declared places about which the judge
// takes either answer.
func (s *statistics) leftOpen(o *object, m *mutated, r *resourceReport, mode mode) {
	for _, d := range compareObjects(o.kind.root, o.live, m.live, o.manifest, m.matching) {
		if !d.tolerated || !d.declared && !mode.strict {
			continue
		}
		said := "silent"
		if r != nil {
			for _, f := range r.Fields {
				if f.covers(d) {
					said = "reported"
				}
			}
		}
		declared := "declared"
		if !d.declared {
			declared = "undeclared"
		}
		s.open[fmt.Sprintf("%s, %s, %s: %s", d.explanation, declared, mode.name, said)]++
	}
}

func (s *statistics) fail(f failure, o *object, mode string, edits []edit, live map[string]any, r *resourceReport) {
	s.failures[f.kind]++
	s.likes[f.kind+" ("+mode+") "+likeness(bracketed.ReplaceAllString(f.detail, "[]"))]++
	var b strings.Builder
	fmt.Fprintf(&b, "==== %s (%s): %s\n", f.kind, mode, f.detail)
	if o != nil {
		fmt.Fprintf(&b, "object: %s, made by %s\n", o, o.how)
	}
	for _, e := range edits {
		fmt.Fprintf(&b, "mutation: %s\n", e)
	}
	if s.shown < 12 {
		s.shown++
		fmt.Print(first(b.String(), 1500))
	}
	if r != nil {
		fmt.Fprintf(&b, "---- report\n%s\n", r.raw)
	}
	if o != nil {
		fmt.Fprintf(&b, "---- manifest\n%s\n", o.text)
		writeObject(&b, "before", o.live)
		writeObject(&b, "live", live)
		for _, entry := range asList(at(live, "metadata", "managedFields")) {
			text, _ := json.Marshal(entry)
			fmt.Fprintf(&b, "---- owner\n%s\n", text)
		}
	}
	b.WriteString("\n")
	io.WriteString(s.log, b.String())
}

func writeObject(b *strings.Builder, title string, object map[string]any) {
	if object == nil {
		return
	}
	object = cloneMap(object)
	delete(asMap(object["metadata"]), "managedFields")
	text, _ := yaml.Marshal(object)
	fmt.Fprintf(b, "---- %s\n%s", title, text)
}
