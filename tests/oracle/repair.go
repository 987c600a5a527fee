package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// repairModes are the ways to let the tool write. Strict alone reports more but
// writes no more.
var repairModes = []mode{
	{name: "repair", options: []string{"--remediate"}},
	{name: "repair with extras removed", options: []string{"--remediate", "--strict", "--remove-extras"}, strict: true},
	{name: "repair, strict", options: []string{"--remediate", "--strict"}},
}

// mend lets the tool repair what was changed, and holds the objects against what
// they were: as declared again, and in nothing else different from just before.
func (r *run) mend(namespace, directory string, objects []*object, results []*mutated, mode mode) error {
	report, err := r.tool.run(directory, namespace, mode.options...)
	if err != nil {
		return err
	}
	after := map[*object]map[string]any{}
	if err := r.refresh(namespace, objects, func(o *object, live map[string]any) { after[o] = live }); err != nil {
		return err
	}
	var check []string
	for _, option := range mode.options {
		if option == "--strict" {
			check = append(check, option)
		}
	}
	again, err := r.tool.run(directory, namespace, check...)
	if err != nil {
		return err
	}
	for i, o := range objects {
		m := results[i]
		if m == nil || m.live == nil {
			continue
		}
		resource := report.of(o.kind.kind, o.namespace, o.name)
		failures, err := r.judgeRepair(o, m, after[o], resource, again.of(o.kind.kind, o.namespace, o.name), mode)
		if err != nil {
			return err
		}
		for _, detail := range failures {
			r.stats.fail(failure{violation, detail}, o, mode.name, m.edits, after[o], resource)
		}
	}
	if len(report.Errors) > 0 {
		text, _ := json.Marshal(report.Errors)
		r.stats.fail(failure{broken, "errors " + first(string(text), 3000)}, nil, mode.name, nil, nil, nil)
	}
	return nil
}

func (r *run) judgeRepair(o *object, m *mutated, after map[string]any, resource, again *resourceReport, mode mode) ([]string, error) {
	var failures []string
	fail := func(format string, args ...any) { failures = append(failures, fmt.Sprintf(format, args...)) }
	version := func(object map[string]any) any { return at(object, "metadata", "resourceVersion") }
	if resource == nil {
		if version(m.live) != version(after) {
			fail("it was written without being reported")
		}
		return failures, nil
	}
	// Nothing but what was reported, and what follows from it.
	for _, d := range compareObjects(o.kind.root, m.live, after, map[string]any{}, sameItems(o.kind.root, m.live, after, true)) {
		if !reported(o, resource, d, m.live, after) {
			fail("%s changed, which was not reported: %s", d.node.path, d.place())
		}
	}
	switch {
	case strings.HasPrefix(resource.Action, "remediation-failed"):
		return failures, r.judgeRefusal(o, m, resource, mode, fail)
	case strings.HasPrefix(resource.Action, "drift-detected (extras-kept)"):
		if version(m.live) != version(after) {
			fail("only extras were left, and yet it was written")
		}
	case !strings.HasPrefix(resource.Action, "remediated"):
		fail("unexpected action %q", resource.Action)
	default:
		r.stats.repairs.objects++
		for _, e := range m.edits {
			r.stats.repaired[e.id()]++
		}
	}
	if again != nil {
		for _, f := range again.Fields {
			// Without --remove-extras those and changed defaults stay.
			if f.Path == "spec.replicas" && f.Defaulted {
				continue // an autoscaler's
			}
			if mode.strict || f.Class != "extra" && !f.Defaulted {
				fail("still reported after the repair: %s (%s)", f.Path, f.Class)
			}
		}
	}
	for _, d := range compareObjects(o.kind.root, o.live, after, o.manifest, sameItems(o.kind.root, o.live, after, true)) {
		if d.node.path == "Deployment.spec.replicas" && !d.declared {
			continue // an autoscaler's
		}
		if verdictOn(d, o.manifest, mode.strict) == must {
			fail("not put back: %s %s", d.node.path, d.place())
		}
	}
	return failures, nil
}

// judgeRefusal asks the server whether it would have let the object become again
// what it was. If so, the tool should have managed. Where it may not touch what is
// undeclared, it cannot always: a Service with another, undeclared type does not
// take the fields of the former one.
func (r *run) judgeRefusal(o *object, m *mutated, resource *resourceReport, mode mode, fail func(string, ...any)) error {
	r.stats.repairs.refused++
	for _, e := range m.edits {
		r.stats.unable[e.id()]++
	}
	if !mode.strict {
		return nil
	}
	body := cloneMap(o.live)
	metadata := asMap(body["metadata"])
	delete(metadata, "resourceVersion")
	delete(metadata, "managedFields")
	// No repair takes away the owner that somebody else has made the controller, and there is one at most.
	if references := at(m.live, "metadata", "ownerReferences"); references != nil {
		metadata["ownerReferences"] = withControllers(asList(metadata["ownerReferences"]), asList(references))
	}
	a, err := r.server.do("PUT", o.url()+"?dryRun=All", "application/json", writeJSON(body))
	if err == nil && a.accepted() {
		fail("the tool gave up (%s), but the server would take it", resource.Reason)
	}
	return err
}

// reported says whether a difference between before and after a repair lies where
// the report says.
func reported(o *object, resource *resourceReport, d delta, before, after map[string]any) bool {
	if announced(o, resource.Fields, d) {
		return true
	}
	for _, f := range resource.Fields {
		if f.live.exists() && f.live.covers(d.want) {
			return true
		}
		segments, err := parsePath(f.Path)
		if err != nil {
			continue
		}
		for _, p := range resolve(after, segments) {
			if p.covers(d.got) || d.kind == "union" && d.got.covers(p) {
				return true
			}
		}
		for _, p := range resolve(before, segments) {
			if p.covers(d.want) {
				return true
			}
		}
	}
	return false
}

// sameItems matches the items of all keyed lists by their keys, and if pairing what
// is left on both sides in order.
func sameItems(root *node, want, live map[string]any, pairing bool) matching {
	m := matching{}
	var visit func(n *node, w, g any, at pointer)
	visit = func(n *node, w, g any, at pointer) {
		switch n.shape {
		case aStruct, aMap:
			a, b := asMap(w), asMap(g)
			for key := range a {
				child := n.elem
				if n.shape == aStruct {
					child = n.field(key)
				}
				if other, ok := b[key]; ok && child != nil {
					visit(child, a[key], other, at.key(key))
				}
			}
		case aList:
			if len(n.keys) == 0 {
				return
			}
			m[at] = partners(n, asList(w), asList(g), pairing)
			for i, j := range m[at] {
				if j >= 0 {
					visit(n.elem, asList(w)[i], asList(g)[j], at.index(i))
				}
			}
		}
	}
	visit(root, want, live, "")
	return m
}

// partners matches by key, the k-th of those with the same one with the k-th. Of
// variables the last with the last, as the last is the one in effect.
func partners(n *node, w, g []any, pairing bool) []int {
	if n.name() == "env" && (doubled(w) || doubled(g)) {
		return fromTheEnd(w, g)
	}
	places := map[string][]int{}
	for j, item := range g {
		key := itemKey(n, item)
		places[key] = append(places[key], j)
	}
	var to []int
	for _, item := range w {
		key := itemKey(n, item)
		if found := places[key]; len(found) > 0 {
			to, places[key] = append(to, found[0]), found[1:]
		} else {
			to = append(to, -1)
		}
	}
	if !pairing {
		return to
	}
	taken := map[int]bool{}
	for _, j := range to {
		taken[j] = true
	}
	free := 0
	for i, j := range to {
		for free < len(g) && taken[free] {
			free++
		}
		if j < 0 && free < len(g) {
			to[i] = free
			free++
		}
	}
	return to
}

// withControllers marks the owners that are controllers in either list.
func withControllers(owners, live []any) []any {
	for _, owner := range owners {
		for _, other := range live {
			if asMap(owner)["uid"] == asMap(other)["uid"] && asMap(other)["controller"] == true {
				asMap(owner)["controller"] = true
			}
		}
	}
	return owners
}
