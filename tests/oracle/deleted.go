package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// deleted deletes some objects, of which some then hang behind a finalizer. The
// former are missing, the latter being deleted; of both the tool says just that.
func (r *run) deleted(namespace, directory string, objects []*object) error {
	err := inParallel(len(objects), func(i int) error {
		if i%10 != 3 && i%10 != 6 {
			return nil
		}
		return r.delete(objects[i], i%10 == 6)
	})
	if err != nil {
		return err
	}
	chosen := make(map[*object]map[string]any)
	lists, err := r.lists(namespace)
	if err != nil {
		return err
	}
	for i, o := range objects {
		if i%10 == 3 || i%10 == 6 {
			chosen[o] = lists[o.kind.kind][o.name]
		}
	}
	deleteModes := modes
	if r.repair {
		deleteModes = append(append([]mode{}, modes...), repairModes[0])
	}
	for _, mode := range deleteModes {
		report, err := r.tool.run(directory, namespace, mode.options...)
		if err != nil {
			return err
		}
		if len(report.Errors) > 0 {
			text, _ := json.Marshal(report.Errors)
			r.stats.fail(failure{broken, "with deleted objects: errors " + first(string(text), 3000)}, nil, mode.name, nil, nil, nil)
		}
		repairs := strings.HasPrefix(mode.name, "repair")
		if repairs {
			if lists, err = r.lists(namespace); err != nil {
				return err
			}
		}
		for _, o := range objects {
			live, isChosen := chosen[o]
			if !isChosen {
				continue
			}
			resource := report.of(o.kind.kind, o.namespace, o.name)
			problem := judgeDeleted(live, resource)
			if problem == "" && repairs {
				problem = r.judgeNotMended(o, live, lists[o.kind.kind][o.name], resource)
			}
			if problem != "" {
				r.stats.fail(failure{broken, problem}, o, mode.name, nil, live, resource)
			}
		}
	}
	return nil
}

// delete deletes an object, perhaps with a finalizer that nobody ever takes out.
func (r *run) delete(o *object, held bool) error {
	if held && o.kind.namespaced {
		body := cloneMap(o.live)
		metadata := asMap(body["metadata"])
		metadata["finalizers"] = append(asList(metadata["finalizers"]), "company.example.com/hold")
		if _, err := r.replace(o, body, "somebody"); err != nil {
			return err
		}
	}
	a, err := r.server.do("DELETE", o.url(), "", nil)
	if err == nil && !a.accepted() {
		err = fmt.Errorf("deleting %s: %s", o, a.reason())
	}
	return err
}

func (r *run) lists(namespace string) (map[string]map[string]map[string]any, error) {
	lists := map[string]map[string]map[string]any{}
	for _, k := range r.schemas {
		list, err := r.server.list(k, namespace)
		if err != nil {
			return nil, err
		}
		lists[k.kind] = list
	}
	return lists, nil
}

// judgeDeleted wants one field, whatever else differs.
func judgeDeleted(live map[string]any, resource *resourceReport) string {
	class, said := "missing", ""
	if live != nil {
		class, said = "changed", "being deleted since "+asString(at(live, "metadata", "deletionTimestamp"))
	}
	switch {
	case resource == nil:
		return "it is deleted, and not reported"
	case len(resource.Fields) != 1 || resource.Fields[0].Path != "<resource>":
		return "it is deleted, and more is reported of it"
	}
	f := resource.Fields[0]
	var desired, found string
	json.Unmarshal(f.Desired, &desired)
	json.Unmarshal(f.Live, &found)
	if f.Class != class || desired != "present" || live != nil && !strings.HasPrefix(found, said) {
		return fmt.Sprintf("it is deleted, which reads %s: desired %s, live %s", f.Class, f.Desired, f.Live)
	}
	return ""
}

// judgeNotMended wants what is missing to be created, and what is being deleted to
// be left alone.
func (r *run) judgeNotMended(o *object, before, after map[string]any, resource *resourceReport) string {
	if before != nil {
		r.stats.deleted["hanging"]++
		switch {
		case after == nil || at(before, "metadata", "resourceVersion") != at(after, "metadata", "resourceVersion"):
			return "it is being deleted, and was written"
		case resource.Action != "remediation-failed" || !strings.Contains(resource.Reason, "being deleted"):
			return fmt.Sprintf("it is being deleted: action %q, reason %q", resource.Action, resource.Reason)
		}
		return ""
	}
	r.stats.deleted["created"]++
	if resource.Action != "created" || after == nil {
		return fmt.Sprintf("it was missing: action %q, reason %q", resource.Action, resource.Reason)
	}
	for _, d := range compareObjects(o.kind.root, o.live, after, o.manifest, matching{}) {
		if verdictOn(d, o.manifest, true) == must {
			return "not created as it was: " + d.place()
		}
	}
	return ""
}
