package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
)

// removed drops something from the manifest of each object that was applied, and
// demands that the tool misses it: the object's own record says that the value
// came from the manifest. The judge is a fresh POST of what is left.
func (r *run) removed(namespace, directory string, objects []*object) error {
	type dropped struct {
		*object
		original *object
		region   pointer // what was dropped, in the live object
		matching matching
		want     map[string]any
	}
	all := make([]*dropped, len(objects))
	err := inParallel(len(objects), func(i int) error {
		o := objects[i]
		if o.how != "apply" || !o.kind.namespaced {
			return nil
		}
		g := &generator{Rand: newRand(r.seed, uint64(r.batches), uint64(i), 11), schema: o.kind, unreachable: r.unreachable}
		var choices []edit
		for _, e := range edits(o.kind, o.live, o.manifest, r.unreachable) {
			if e.sort == remove && strings.Count(string(e.at), "/") > 1 {
				choices = append(choices, e)
			}
		}
		for range 6 {
			if len(choices) == 0 {
				return nil
			}
			e := pickOne(g, choices)
			manifest, m := cloneMap(o.manifest), matching{}
			e.apply(g, manifest, m)
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
				return err
			}
			if !a.accepted() {
				continue
			}
			answered, err := parseJSON(a.body)
			if err != nil {
				return err
			}
			text, read, err := spell(g, manifest)
			if err != nil {
				return err
			}
			less := *o
			less.text, less.manifest, less.g = text, read, g
			all[i] = &dropped{&less, o, e.at, m, asMap(answered)}
			return nil
		}
		return nil
	})
	if err != nil {
		return err
	}
	var written []*object
	for _, d := range all {
		if d != nil {
			written = append(written, d.object)
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
		for _, d := range all {
			if d == nil {
				continue
			}
			resource := report.of(d.kind.kind, namespace, d.name)
			deltas := compareObjects(d.kind.root, d.want, d.live, d.manifest, d.matching)
			judged := *d.object
			judged.live = d.want
			failures := judgeDeltas(&judged, d.live, deltas, resource, func(x delta) due {
				switch {
				case x.tolerated:
					return may
				case x.node.path == "Deployment.spec.replicas":
					if mode.strict {
						return may
					}
					return mustNot
				case allocated(strings.TrimSuffix(x.node.path, "[]")) || othersList(x.node.path):
					return may
				case !mode.strict && !d.region.covers(x.got) && !x.declared:
					return may // what followed from what was dropped
				}
				return must
			})
			for _, f := range failures {
				f.detail = "after dropping " + string(d.region) + ": " + f.detail
				r.stats.fail(f, d.object, mode.name, nil, d.live, resource)
			}
			if !mode.strict && len(deltas) > 0 {
				r.stats.removed++
			}
		}
	}
	return nil
}
