package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// less is an object of whose manifest something was dropped.
type less struct {
	*object  // with the manifest that is left
	original *object
	regions  []pointer // what was dropped, in the live object
	matching matching
	// fresh is what a POST of what is left gives elsewhere, next what the next apply
	// by its manager makes of the object.
	fresh, next map[string]any
	isUnclear   bool // nothing on the object shows whose manifest it is
}

// removed drops something from the manifest of each object that was applied, and
// demands that the tool misses it: the object's own record, or its managedFields,
// say that the value came from the manifest. The judge is a fresh POST of what is
// left or, of an object made by server-side apply, a dry run of the next apply.
func (r *run) removed(namespace, directory string, objects []*object) error {
	err := inParallel(len(objects), func(i int) error {
		if o := objects[i]; o.how == "server-side" && o.kind.namespaced {
			return r.company(o, r.randomOf(o, i, 12))
		}
		return nil
	})
	if err != nil {
		return err
	}
	live := map[*object]map[string]any{}
	if err := r.refresh(namespace, objects, func(o *object, now map[string]any) { live[o] = now }); err != nil {
		return err
	}
	all := make([]*less, len(objects))
	err = inParallel(len(objects), func(i int) error {
		o := objects[i]
		if o.how == "create" || !o.kind.namespaced || o.how == "server-side" && hasEmptyKey(o.kind.root, o.manifest) {
			return nil
		}
		var err error
		all[i], err = r.drop(namespace, o, live[o], r.randomOf(o, i, 11))
		return err
	})
	if err != nil {
		return err
	}
	var written []*object
	var dropped []*less
	for _, d := range all {
		if d != nil {
			dropped, written = append(dropped, d), append(written, d.object)
		}
	}
	if len(written) == 0 {
		return nil
	}
	if err := writeManifests(directory, written); err != nil {
		return err
	}
	for _, mode := range modes {
		report, err := r.tool.run(directory, namespace, mode.options...)
		if err != nil {
			return err
		}
		if len(report.Errors) > 0 {
			text, _ := json.Marshal(report.Errors)
			r.stats.fail(failure{broken, filepath.Base(directory) + ": errors " + first(string(text), 3000)}, nil, mode.name, nil, nil, nil)
		}
		for _, d := range dropped {
			r.judgeRemoved(d, report.of(d.kind.kind, namespace, d.name), mode)
		}
	}
	if r.repair {
		return r.mendRemoved(namespace, directory, dropped)
	}
	return nil
}

// hasEmptyKey says whether an item declares "" or null as a part of its key, as
// in `protocol: ""`. Server-side apply takes it for another item than the live one,
// whose key has the default: the next apply doubles it, or is refused.
func hasEmptyKey(n *node, declared any) bool {
	switch n.shape {
	case aStruct, aMap:
		for name, value := range asMap(declared) {
			child := n.elem
			if n.shape == aStruct {
				child = n.field(name)
			}
			if child != nil && hasEmptyKey(child, value) {
				return true
			}
		}
	case aList:
		for _, item := range asList(declared) {
			for _, key := range n.keys {
				if value, ok := asMap(item)[key]; ok && (value == nil || value == "") {
					return true
				}
			}
			if hasEmptyKey(n.elem, item) {
				return true
			}
		}
	}
	return false
}

func (r *run) randomOf(o *object, i int, purpose uint64) *generator {
	random := newRand(r.seed, uint64(r.batches), uint64(i), purpose)
	return &generator{Rand: random, schema: o.kind, unreachable: r.unreachable, serial: 500 * int(purpose)}
}

// drop takes one thing or, where the next apply judges, up to three out of the
// manifest. It gives nothing where the server takes no such manifest.
func (r *run) drop(namespace string, o *object, live map[string]any, g *generator) (*less, error) {
	var choices []edit
	for _, e := range edits(o.kind, o.live, o.manifest, r.unreachable) {
		if e.sort == remove && strings.Count(string(e.at), "/") > 1 {
			choices = append(choices, e)
		}
	}
	for range 6 {
		if len(choices) == 0 {
			return nil, nil
		}
		want := 1
		if o.how == "server-side" {
			want = 1 + g.IntN(3)
		}
		manifest, m := cloneMap(o.manifest), matching{}
		var regions []pointer
		for _, e := range choose(g, choices, map[string]int{}, want) {
			e.apply(g, manifest, m)
			regions = append(regions, e.at)
		}
		// From what is left to what lives: the other way round.
		for list, to := range m {
			var back []int
			for i, j := range to {
				if j >= 0 {
					back = append(back, i)
				}
			}
			m[list] = back
		}
		if at(manifest, "metadata", "name") == nil {
			continue
		}
		body := forPost(manifest)
		asMap(body["metadata"])["namespace"] = namespace + "-fresh"
		asMap(body["metadata"])["name"] = o.name + "-less"
		a, err := r.server.do("POST", o.kind.collection(namespace+"-fresh")+"?dryRun=All", "application/json", writeJSON(body))
		if err != nil {
			return nil, err
		}
		if !a.accepted() {
			continue
		}
		answered, err := parseJSON(a.body)
		if err != nil {
			return nil, err
		}
		text, read, err := spell(g, manifest)
		if err != nil {
			return nil, err
		}
		left := *o
		left.text, left.manifest, left.g, left.live = text, read, g, live
		d := &less{object: &left, original: o, regions: regions, matching: m, fresh: asMap(answered)}
		if o.how == "server-side" {
			manager := managerOf(o.kind, live, read)
			if manager == "" {
				d.isUnclear, manager = true, o.manager
			}
			if d.next, err = r.next(d.object, manager, namespace, read); err != nil {
				return nil, err
			}
			if d.next == nil {
				continue
			}
			withDeclared(d.next, d.fresh, read)
			// The server carries a policy over where it is left out. Nobody else's leaves.
			policy := "ipFamilyPolicy"
			isLeft := at(live, "spec", policy) != nil && at(read, "spec", policy) == nil
			if isLeft && slices.Equal(owners(live, "f:spec", "f:"+policy), []string{manager}) {
				delete(asMap(d.next["spec"]), policy)
				if filledIn := at(d.fresh, "spec", policy); filledIn != nil {
					asMap(d.next["spec"])[policy] = filledIn
				}
			}
		}
		return d, nil
	}
	return nil, nil
}

func (d *less) covers(p pointer) bool {
	for _, region := range d.regions {
		if region.covers(p) {
			return true
		}
	}
	return false
}

// wanted is what the object should be.
func (d *less) wanted(mode mode) map[string]any {
	if d.next == nil || mode.strict {
		return d.fresh
	}
	return d.next
}

// matchings are the ways to pair its items with the live ones. Where others have
// written, the positions in the manifest no longer tell.
func (d *less) matchings(want map[string]any) []matching {
	if d.next == nil {
		return []matching{d.matching}
	}
	all := matchings(d.kind.root, sameItems(d.kind.root, want, d.live, false), want, d.live)
	for i, m := range all {
		all[i] = lastInEffect(d.kind.root, want, d.live, m)
	}
	return all
}

func (r *run) judgeRemoved(d *less, resource *resourceReport, mode mode) {
	want := d.wanted(mode)
	judged := *d.object
	judged.live = want
	var best []failure
	for i, m := range d.matchings(want) {
		deltas := compareObjects(d.kind.root, want, d.live, d.manifest, m)
		if i == 0 && !mode.strict && len(deltas) > 0 {
			r.stats.removed[d.how]++
		}
		failures := judgeDeltas(&judged, d.live, deltas, resource, func(x delta) due { return d.verdictOn(x, mode) })
		if i == 0 || len(failures) < len(best) {
			best = failures
		}
		if len(best) == 0 {
			break
		}
	}
	for _, f := range best {
		f.detail = fmt.Sprintf("%s by %s, after dropping %v: %s", d.how, d.manager, d.regions, f.detail)
		r.stats.fail(f, d.object, mode.name, nil, d.live, resource)
	}
}

func (d *less) verdictOn(x delta, mode mode) due {
	switch {
	case x.tolerated:
		return may
	case x.node.path == "Deployment.spec.replicas" && !x.declared:
		if mode.strict {
			return may
		}
		return mustNot
	case allocated(strings.TrimSuffix(x.node.path, "[]")) || othersList(x.node.path):
		return may
	case !x.declared && x.node.parent != nil && x.node.parent.shape == aMap && writtenByOthers(x.got):
		return mustNot
	case !mode.strict && !d.covers(x.got) && !x.declared:
		return may // what followed from what was dropped
	case !mode.strict && !x.declared && d.isUnclear:
		return may
	}
	return must
}

// mendRemoved lets the tool take out what has left the manifests. Then each object
// is what the judge says.
func (r *run) mendRemoved(namespace, directory string, dropped []*less) error {
	mode := repairModes[0]
	report, err := r.tool.run(directory, namespace, mode.options...)
	if err != nil {
		return err
	}
	again, err := r.tool.run(directory, namespace)
	if err != nil {
		return err
	}
	objects := map[*object]*less{}
	var all []*object
	for _, d := range dropped {
		objects[d.object] = d
		all = append(all, d.object)
	}
	return r.refresh(namespace, all, func(o *object, after map[string]any) {
		d := objects[o]
		fail := func(format string, args ...any) {
			detail := fmt.Sprintf("%s by %s, after dropping %v: ", d.how, d.manager, d.regions) + fmt.Sprintf(format, args...)
			r.stats.fail(failure{violation, detail}, o, mode.name, nil, after, report.of(o.kind.kind, namespace, o.name))
		}
		resource := report.of(o.kind.kind, namespace, o.name)
		if resource == nil {
			return
		}
		for _, x := range compareObjects(o.kind.root, d.live, after, map[string]any{}, sameItems(o.kind.root, d.live, after, true)) {
			if !reported(o, resource, x, d.live, after) {
				fail("%s changed, which was not reported: %s", x.node.path, x.place())
			}
		}
		if strings.HasPrefix(resource.Action, "remediation-failed") {
			want := d.wanted(modes[0])
			body := cloneMap(want)
			delete(asMap(body["metadata"]), "resourceVersion")
			delete(asMap(body["metadata"]), "managedFields")
			asMap(body["metadata"])["name"], asMap(body["metadata"])["namespace"] = o.name, namespace
			a, err := r.server.do("PUT", o.url()+"?dryRun=All", "application/json", writeJSON(body))
			if d.next != nil && err == nil && a.accepted() {
				fail("the tool gave up (%s), but the server would take it", resource.Reason)
			}
			return
		}
		r.stats.repairs.objects++
		if left := again.of(o.kind.kind, namespace, o.name); left != nil {
			for _, f := range left.Fields {
				fail("still reported after the repair: %s (%s)", f.Path, f.Class)
			}
		}
		if d.isUnclear {
			return
		}
		want := d.wanted(modes[0])
		for _, x := range compareObjects(o.kind.root, want, after, d.manifest, sameItems(o.kind.root, want, after, false)) {
			if d.covers(x.got) && !x.tolerated && x.node.path != "Deployment.spec.replicas" && !allocated(strings.TrimSuffix(x.node.path, "[]")) && !othersList(x.node.path) {
				fail("not as wanted: %s %s", x.node.path, x.place())
			}
		}
	})
}
