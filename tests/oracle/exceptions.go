package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
)

// checkExceptions shows that each field of unreachable.txt is one: the server
// refuses it, or drops it without a word. Of what is dropped the tool must say
// that it is not stored, and must not claim that all is well.
func (r *run) checkExceptions() error {
	namespace := fmt.Sprintf("oracle-%d-exceptions", r.seed)
	if err := r.makeNamespace(namespace); err != nil {
		return err
	}
	for i, e := range r.exceptions {
		o := r.example(e, fmt.Sprintf("exception-%d", i), namespace)
		a, err := r.create(o, o.url(), namespace)
		if err != nil {
			return err
		}
		field := e.path[strings.LastIndexByte(e.path, '.')+1:]
		switch e.why {
		case "refused":
			// A version that drops the field and refuses what is left does not name it.
			names := r.minor < newest || strings.Contains(strings.ToLower(a.reason()), strings.ToLower(field))
			if a.accepted() || !names {
				r.stats.fail(failure{broken, e.path + " should be refused, but the server says: " + a.reason()}, o, "", nil, nil, nil)
			}
			continue
		case "dropped":
		default:
			return fmt.Errorf("unreachable.txt: %q is neither refused nor dropped", e.why)
		}
		if !a.accepted() {
			r.stats.fail(failure{broken, e.path + " should be dropped, but is refused: " + a.reason()}, o, "", nil, nil, nil)
			continue
		}
		answered, err := parseJSON(a.body)
		if err != nil {
			return err
		}
		o.live = asMap(answered)
		for _, p := range places(o.kind.root, o.live) {
			if e.paths[p.node.path] && !isZero(p.value) && p.node.shape == aScalar {
				r.stats.fail(failure{broken, e.path + " should be dropped, but is stored"}, o, "", nil, o.live, nil)
				break
			}
		}
		directory := filepath.Join(r.directory, o.name)
		if err := writeManifests(directory, []*object{o}); err != nil {
			return err
		}
		report, err := r.tool.run(directory, namespace)
		if err != nil {
			return err
		}
		said, _ := json.Marshal(report.Errors)
		if report.exit != 2 || !strings.Contains(string(said), "not stored by this server") {
			r.stats.fail(failure{broken, fmt.Sprintf("%s is dropped by the server; exit %d, errors %s", e.path, report.exit, said)}, o, "default", nil, o.live, report.of(o.kind.kind, namespace, o.name))
		}
	}
	return nil
}

// example is a small manifest with the sample in it.
func (r *run) example(e exception, name, namespace string) *object {
	base := map[string]string{
		"Deployment": `{"spec":{"selector":{"matchLabels":{"app":"a"}},"template":{"metadata":{"labels":{"app":"a"}},"spec":{"containers":[{"name":"c","image":"i:1"}]}}}}`,
		"Service":    `{"spec":{"ports":[{"port":80}]}}`,
		"ConfigMap":  `{}`,
	}
	kind, _, _ := strings.Cut(e.path, ".")
	if base[kind] == "" {
		kind = "Deployment" // a field of a type that only Deployments have
	}
	tree, _ := parseJSON([]byte(base[kind]))
	manifest := merge(asMap(tree), e.sample)
	for _, k := range r.schemas {
		if k.kind == kind {
			manifest["apiVersion"], manifest["kind"] = k.apiVersion, k.kind
			manifest["metadata"] = merge(asMap(manifest["metadata"]), map[string]any{"name": name, "namespace": namespace})
			o := &object{kind: k, name: name, namespace: namespace, how: "create", manifest: manifest, text: string(writeJSON(manifest))}
			o.g = &generator{Rand: newRand(r.seed), schema: k}
			return o
		}
	}
	panic("unreachable.txt names an unknown kind: " + e.path)
}

// merge lays b over a. Lists are laid over each other item by item.
func merge(a, b map[string]any) map[string]any {
	merged := map[string]any{}
	for key, value := range a {
		merged[key] = value
	}
	for key, value := range b {
		switch value := value.(type) {
		case map[string]any:
			merged[key] = merge(asMap(merged[key]), value)
		case []any:
			old := asList(merged[key])
			list := append([]any{}, value...)
			for i := range min(len(old), len(list)) {
				if m, ok := list[i].(map[string]any); ok {
					list[i] = merge(asMap(old[i]), m)
				}
			}
			merged[key] = list
		default:
			merged[key] = value
		}
	}
	return merged
}
