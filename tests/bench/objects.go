package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// object is one that is wanted.
type object struct {
	kind      string
	namespace string // empty for a Namespace
	name      string
	body      map[string]any
}

// objects makes n objects: a Namespace for each hundred, and of the rest six
// tenths Deployments, three ConfigMaps and one Services, spread evenly.
func objects(n int) []object {
	spaces := max(1, n/100)
	var all []object
	for i := range min(n, spaces) {
		all = append(all, namespace(spaceName(i)))
	}
	for i := range n - len(all) {
		space := spaceName(i % spaces)
		// Each namespace has its share of each kind.
		switch j := i / spaces % 10; {
		case j < 6:
			all = append(all, deployment(space, i))
		case j < 9:
			all = append(all, configMap(space, fmt.Sprintf("settings-%05d", i), i))
		default:
			all = append(all, service(space, i))
		}
	}
	return all
}

func spaceName(i int) string {
	return fmt.Sprintf("team-%03d", i)
}

func namespace(name string) object {
	return object{"Namespace", "", name, map[string]any{
		"apiVersion": "v1",
		"kind":       "Namespace",
		"metadata":   map[string]any{"name": name, "labels": map[string]any{"team": name}},
	}}
}

func deployment(space string, i int) object {
	name := fmt.Sprintf("web-%05d", i)
	labels := map[string]any{"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "shop"}
	probe := func(path string, port int) any {
		return map[string]any{"httpGet": map[string]any{"path": path, "port": port}, "periodSeconds": 10}
	}
	limits := func(cpu, memory string) any {
		return map[string]any{
			"requests": map[string]any{"cpu": cpu, "memory": memory},
			"limits":   map[string]any{"memory": memory},
		}
	}
	variable := func(name, value string) any { return map[string]any{"name": name, "value": value} }
	containers := []any{
		map[string]any{
			"name":  "web",
			"image": fmt.Sprintf("registry.example.com/shop/web:1.%d.0", i%50),
			"args":  []any{"--listen=:8080", "--log-format=json"},
			"ports": []any{map[string]any{"name": "http", "containerPort": 8080}},
			"env": []any{
				variable("LOG_LEVEL", "info"),
				variable("DATABASE_HOST", fmt.Sprintf("db-%d.internal", i%7)),
				map[string]any{"name": "POD_NAME", "valueFrom": map[string]any{
					"fieldRef": map[string]any{"fieldPath": "metadata.name"},
				}},
			},
			"resources":      limits("250m", "256Mi"),
			"readinessProbe": probe("/ready", 8080),
			"livenessProbe":  probe("/live", 8080),
			"volumeMounts":   []any{map[string]any{"name": "settings", "mountPath": "/etc/web", "readOnly": true}},
		},
		map[string]any{
			"name":      "metrics",
			"image":     "registry.example.com/base/exporter:v0.9.3",
			"ports":     []any{map[string]any{"name": "metrics", "containerPort": 9113}},
			"env":       []any{variable("SCRAPE_URI", "http://localhost:8080/status")},
			"resources": limits("0.05", "64Mi"),
		},
	}
	return object{"Deployment", space, name, map[string]any{
		"apiVersion": "apps/v1",
		"kind":       "Deployment",
		"metadata":   map[string]any{"name": name, "namespace": space, "labels": labels},
		"spec": map[string]any{
			"replicas": 2,
			"selector": map[string]any{"matchLabels": map[string]any{"app.kubernetes.io/name": name}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": labels},
				"spec": map[string]any{
					"containers":         containers,
					"serviceAccountName": "web",
					"volumes": []any{map[string]any{"name": "settings", "configMap": map[string]any{
						"name": fmt.Sprintf("settings-%05d", i), "defaultMode": 0o440,
					}}},
				},
			},
		},
	}}
}

// configMap makes one with 2 kB of data.
func configMap(space, name string, i int) object {
	var file strings.Builder
	for line := 0; file.Len() < 1900; line++ {
		fmt.Fprintf(&file, "upstream.%02d.address = 10.%d.%d.%d:8080\n", line, line, i%250, i/250)
	}
	return object{"ConfigMap", space, name, map[string]any{
		"apiVersion": "v1",
		"kind":       "ConfigMap",
		"metadata":   map[string]any{"name": name, "namespace": space},
		"data": map[string]any{
			"web.properties":  file.String(),
			"MAX_CONNECTIONS": strconv.Itoa(i),
			"FEATURES":        "search,checkout",
		},
	}}
}

func service(space string, i int) object {
	name := fmt.Sprintf("web-%05d", i)
	return object{"Service", space, name, map[string]any{
		"apiVersion": "v1",
		"kind":       "Service",
		"metadata":   map[string]any{"name": name, "namespace": space},
		"spec": map[string]any{
			"selector": map[string]any{"app.kubernetes.io/name": name},
			"ports":    []any{map[string]any{"name": "http", "port": 80, "targetPort": "http"}},
		},
	}}
}

// change makes the object differ in one field from what it was.
func (o object) change() {
	switch o.kind {
	case "Deployment":
		template := o.body["spec"].(map[string]any)["template"].(map[string]any)
		container := template["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
		container["image"] = container["image"].(string) + "-changed"
	case "ConfigMap":
		o.body["data"].(map[string]any)["FEATURES"] = "changed"
	case "Service":
		o.body["spec"].(map[string]any)["ports"].([]any)[0].(map[string]any)["port"] = 8080
	case "Namespace":
		o.body["metadata"].(map[string]any)["labels"].(map[string]any)["team"] = "changed"
	}
}

// applied is the object as `kubectl apply` creates it: with the record of what
// was applied.
func (o object) applied() ([]byte, error) {
	record, err := json.Marshal(o.body)
	if err != nil {
		return nil, err
	}
	body := maps.Clone(o.body)
	metadata := maps.Clone(body["metadata"].(map[string]any))
	metadata["annotations"] = map[string]any{
		"kubectl.kubernetes.io/last-applied-configuration": string(record) + "\n",
	}
	body["metadata"] = metadata
	return json.Marshal(body)
}

// id is what `controlplane floor` calls the object.
func (o object) id() string {
	return o.kind + "/" + o.namespace + "/" + o.name
}

// write puts each object into a file of its own, in a folder for each namespace.
func write(folder string, all []object) error {
	for _, o := range all {
		path := filepath.Join(folder, o.namespace, strings.ToLower(o.kind)+"-"+o.name+".yaml")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		var text bytes.Buffer
		writeYAML(&text, o.body, "")
		if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// plain matches strings that YAML reads as strings without quotes.
var plain = regexp.MustCompile(`^[a-zA-Z/][a-zA-Z0-9 _./-]*(:[a-zA-Z0-9./][a-zA-Z0-9_./:-]*)?$`)

// writeYAML writes a map as a person would: in blocks, quoted where it must be.
func writeYAML(out *bytes.Buffer, value map[string]any, indent string) {
	for _, key := range slices.Sorted(maps.Keys(value)) {
		fmt.Fprintf(out, "%s%s:", indent, key)
		switch value := value[key].(type) {
		case map[string]any:
			out.WriteByte('\n')
			writeYAML(out, value, indent+"  ")
		case []any:
			out.WriteByte('\n')
			for _, item := range value {
				if fields, ok := item.(map[string]any); ok {
					start := out.Len()
					writeYAML(out, fields, indent+"    ")
					copy(out.Bytes()[start:], indent+"  - ")
				} else {
					fmt.Fprintf(out, "%s  - %s\n", indent, scalar(item))
				}
			}
		case string:
			if strings.Contains(value, "\n") {
				out.WriteString(" |\n")
				for line := range strings.Lines(value) {
					out.WriteString(indent + "  " + line)
				}
				continue
			}
			fmt.Fprintf(out, " %s\n", scalar(value))
		default:
			fmt.Fprintf(out, " %s\n", scalar(value))
		}
	}
}

func scalar(value any) string {
	if text, ok := value.(string); ok && !plain.MatchString(text) {
		return strconv.Quote(text)
	}
	return fmt.Sprint(value)
}
