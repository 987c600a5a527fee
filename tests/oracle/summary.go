package main

import (
	"fmt"
	"io"
	"sort"
)

// print writes the summary; its last line is the result.
func (s *statistics) print(w io.Writer, r *run) {
	fmt.Fprintf(w, "\nobjects: %d accepted", s.objects)
	total := 0
	for _, n := range s.refusals {
		total += n
	}
	fmt.Fprintf(w, ", %d manifests refused by the server\n", total)
	for _, reason := range byCount(s.refusals, 8) {
		fmt.Fprintf(w, "  refused %4d  %s\n", s.refusals[reason], reason)
	}
	fmt.Fprint(w, "silent:")
	for _, key := range sortedKeys(s.silent) {
		fmt.Fprintf(w, " %s %d", key, s.silent[key])
	}
	fmt.Fprintln(w)
	for _, path := range byCount(s.dropped, 200) {
		fmt.Fprintf(w, "  not stored %4d of %4d  %s\n", s.dropped[path], s.usedPaths[path], path)
	}
	s.printFields(w, r)
	s.printEdits(w)
	for _, key := range sortedKeys(s.open) {
		fmt.Fprintf(w, "either is right: %s %d\n", key, s.open[key])
	}
	if r.repair {
		s.printRepairs(w)
	}
	s.writers.print(w)
	for _, like := range byCount(s.likes, 60) {
		fmt.Fprintf(w, "failed %4d  %s\n", s.likes[like], like)
	}
	fmt.Fprintf(w, "oracle: %d objects, %d mutations, %d false alarms, %d missed, %d wrong paths, %d repairs, %d repair violations, %d unexpected ends\n",
		s.objects, s.mutations, s.failures[falseAlarm], s.failures[missed], s.failures[wrongPath], s.repairs.objects, s.failures[violation], s.failures[broken])
}

func (s *statistics) failed() int {
	total := 0
	for kind, n := range s.failures {
		if kind != wrongWriter || s.writers.isBad() {
			total += n
		}
	}
	return total
}

func byCount(counts map[string]int, limit int) []string {
	keys := sortedKeys(counts)
	sort.SliceStable(keys, func(i, j int) bool { return counts[keys[i]] > counts[keys[j]] })
	return keys[:min(limit, len(keys))]
}

// printFields shows how many accepted manifests used each field.
func (s *statistics) printFields(w io.Writer, r *run) {
	reachable, usedOften := 0, 0
	var never []string
	for _, k := range r.schemas {
		for _, path := range sortedKeys(k.byPath) {
			if r.unreachable(path) || bookkeeping(path) {
				continue
			}
			reachable++
			switch n := s.usedPaths[path]; {
			case n == 0:
				never = append(never, path)
			case n >= 20:
				usedOften++
			}
		}
	}
	fmt.Fprintf(w, "fields: %d of %d places used by accepted manifests, %d of them 20 times or more\n", reachable-len(never), reachable, usedOften)
	for _, path := range never {
		fmt.Fprintf(w, "  never used  %s\n", path)
	}
}

func (s *statistics) printEdits(w io.Writer) {
	for _, sort := range sorts {
		fields, enough, edits := 0, 0, 0
		for id, n := range s.edited {
			if len(id) > len(sort) && id[:len(sort)+1] == sort+" " {
				fields++
				edits += n
				if n >= 20 {
					enough++
				}
			}
		}
		fmt.Fprintf(w, "mutations %-8s %6d in %4d fields, %d of them 20 times or more\n", sort, edits, fields, enough)
	}
	never := 0
	for id := range s.refusedEdits {
		if s.edited[id] == 0 {
			never++
		}
	}
	for _, how := range sortedKeys(s.removed) {
		fmt.Fprintf(w, "manifests with fields dropped: %s %d\n", how, s.removed[how])
	}
	for _, how := range sortedKeys(s.deleted) {
		fmt.Fprintf(w, "deleted: %s %d\n", how, s.deleted[how])
	}
	fmt.Fprintf(w, "mutations always refused by the server: %d sorts of field\n", never)
}

// printRepairs shows which fields were put back, and which the server did not let.
func (s *statistics) printRepairs(w io.Writer) {
	fmt.Fprintf(w, "repairs: %d objects repaired, in %d sorts of field; %d with a refusal of the server\n", s.repairs.objects, len(s.repaired), s.repairs.refused)
	for _, id := range sortedKeys(s.repaired) {
		fmt.Fprintf(w, "  repaired %5d  %s\n", s.repaired[id], id)
	}
	for _, id := range sortedKeys(s.unable) {
		fmt.Fprintf(w, "  refused  %5d  %s\n", s.unable[id], id)
	}
}
