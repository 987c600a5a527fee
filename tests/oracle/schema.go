package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// shape says what JSON a node of the schema has.
type shape int

const (
	aStruct shape = iota
	aMap
	aList
	aScalar
)

// node is one place in the schema of a kind, with all that the Go types and the
// server's own OpenAPI document say about it. There is one node for each place,
// not for each type: probes of an init container and of a container differ in
// what the server accepts, and are counted apart.
type node struct {
	path   string // spec.template.spec.containers[].ports[].name
	hint   string // ContainerPort.name: the Go type that has the field
	shape  shape
	goType string // the Go type's name, for a struct
	scalar string // string, int, bool, quantity, int-or-string, bytes, time, opaque
	enum   []string

	atomic bool     // a list or map that the API replaces as a whole
	keys   []string // of a keyed list
	set    bool

	fields []*node
	elem   *node

	pointer  bool // an explicit zero differs from absence
	required bool
	parent   *node
}

func (n *node) field(name string) *node {
	for _, f := range n.fields {
		if f.name() == name {
			return f
		}
	}
	return nil
}

// name is the last element of the path.
func (n *node) name() string {
	return n.path[strings.LastIndexByte(n.path, '.')+1:]
}

func (n *node) walk(visit func(*node)) {
	visit(n)
	for _, f := range n.fields {
		f.walk(visit)
	}
	if n.elem != nil {
		n.elem.walk(visit)
	}
}

// kindSchema is what the program knows about one of the four kinds.
type kindSchema struct {
	kind, apiVersion, resource string
	namespaced                 bool
	root                       *node
	byPath                     map[string]*node
}

type openAPI map[string]any

// loadSchemas reads the Go types and the OpenAPI documents side by side. Where
// they disagree about a field's existence, this program was built for another
// version than it runs against, which it says rather than judging wrongly.
func loadSchemas(s *server) ([]*kindSchema, error) {
	kinds := []struct {
		kindSchema
		document, name string
		value          any
	}{
		{kindSchema{kind: "Deployment", apiVersion: "apps/v1", resource: "deployments", namespaced: true},
			"apis/apps/v1", "io.k8s.api.apps.v1.Deployment", appsv1.Deployment{}},
		{kindSchema{kind: "Service", apiVersion: "v1", resource: "services", namespaced: true},
			"api/v1", "io.k8s.api.core.v1.Service", corev1.Service{}},
		{kindSchema{kind: "ConfigMap", apiVersion: "v1", resource: "configmaps", namespaced: true},
			"api/v1", "io.k8s.api.core.v1.ConfigMap", corev1.ConfigMap{}},
		{kindSchema{kind: "Namespace", apiVersion: "v1", resource: "namespaces"},
			"api/v1", "io.k8s.api.core.v1.Namespace", corev1.Namespace{}},
	}
	documents := map[string]openAPI{}
	var schemas []*kindSchema
	for _, k := range kinds {
		document, ok := documents[k.document]
		if !ok {
			body, err := s.get("/openapi/v3/" + k.document)
			if err != nil {
				return nil, err
			}
			var parsed struct {
				Components struct{ Schemas openAPI }
			}
			if err := json.Unmarshal(body, &parsed); err != nil {
				return nil, err
			}
			document = parsed.Components.Schemas
			documents[k.document] = document
		}
		definition := map[string]any{"$ref": "#/components/schemas/" + k.name}
		b := builder{document: document}
		root := b.build(k.kind, "", reflect.TypeOf(k.value), definition)
		if len(b.problems) > 0 {
			return nil, fmt.Errorf("the Go types and the server's OpenAPI document differ: %s", strings.Join(b.problems, "; "))
		}
		schema := k.kindSchema
		schema.root = root
		schema.byPath = map[string]*node{}
		root.walk(func(n *node) { schema.byPath[n.path] = n })
		schemas = append(schemas, &schema)
	}
	return schemas, nil
}

type builder struct {
	document openAPI
	problems []string
}

var scalarTypes = map[reflect.Type]string{
	reflect.TypeFor[resource.Quantity]():  "quantity",
	reflect.TypeFor[intstr.IntOrString](): "int-or-string",
	reflect.TypeFor[metav1.Time]():        "time",
	reflect.TypeFor[metav1.MicroTime]():   "time",
	reflect.TypeFor[metav1.FieldsV1]():    "opaque",
	reflect.TypeFor[[]byte]():             "bytes",
}

func (b *builder) build(path, hint string, t reflect.Type, spec map[string]any) *node {
	n := &node{path: path, hint: hint}
	if t.Kind() == reflect.Pointer {
		n.pointer = true
		t = t.Elem()
	}
	definition, extensions := b.resolve(spec)
	n.atomic = extensions["x-kubernetes-map-type"] == "atomic"
	for _, value := range asList(extensions["enum"]) {
		n.enum = append(n.enum, fmt.Sprint(value))
	}
	if scalar, ok := scalarTypes[t]; ok {
		n.shape, n.scalar = aScalar, scalar
		return n
	}
	switch t.Kind() {
	case reflect.Struct:
		n.shape, n.goType = aStruct, t.Name()
		properties := asMap(definition["properties"])
		required := map[string]bool{}
		for _, name := range asList(definition["required"]) {
			required[name.(string)] = true
		}
		b.fields(n, t, properties, required)
		for name := range properties {
			if n.field(name) == nil {
				b.problems = append(b.problems, path+"."+name+" is unknown to the Go types")
			}
		}
	case reflect.Slice:
		n.shape = aList
		switch extensions["x-kubernetes-list-type"] {
		case "map":
			for _, key := range asList(extensions["x-kubernetes-list-map-keys"]) {
				n.keys = append(n.keys, key.(string))
			}
		case "set":
			n.set = true
		default:
			n.atomic = true
		}
		n.elem = b.build(path+"[]", hint+"[]", t.Elem(), asMap(definition["items"]))
		n.elem.parent = n
	case reflect.Map:
		n.shape = aMap
		n.elem = b.build(path+"{}", hint+"{}", t.Elem(), asMap(definition["additionalProperties"]))
		n.elem.parent = n
	case reflect.String:
		n.shape, n.scalar = aScalar, "string"
	case reflect.Bool:
		n.shape, n.scalar = aScalar, "bool"
	case reflect.Int32, reflect.Int64:
		n.shape, n.scalar = aScalar, "int"
	default:
		panic("no rule for the Go type " + t.String())
	}
	return n
}

// fields adds the fields of a Go struct, those of embedded ones too.
func (b *builder) fields(n *node, t reflect.Type, properties map[string]any, required map[string]bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && (name == "" || strings.Contains(options, "inline")) {
			b.fields(n, f.Type, properties, required)
			continue
		}
		if name == "-" || name == "" {
			continue
		}
		spec, ok := properties[name].(map[string]any)
		if !ok {
			b.problems = append(b.problems, n.path+"."+name+" is unknown to the server")
			continue
		}
		child := b.build(n.path+"."+name, t.Name()+"."+name, f.Type, spec)
		child.required = required[name]
		child.parent = n
		n.fields = append(n.fields, child)
	}
}

// resolve follows references and gathers the extensions met on the way: those of
// a property stand beside its reference, those of a type in the definition.
func (b *builder) resolve(spec map[string]any) (definition, extensions map[string]any) {
	extensions = map[string]any{}
	for {
		for key, value := range spec {
			if _, seen := extensions[key]; !seen && (strings.HasPrefix(key, "x-kubernetes-") || key == "enum") {
				extensions[key] = value
			}
		}
		next := spec
		if all := asList(spec["allOf"]); len(all) == 1 {
			next = asMap(all[0])
		}
		if ref, ok := next["$ref"].(string); ok {
			spec = asMap(b.document[strings.TrimPrefix(ref, "#/components/schemas/")])
			continue
		}
		return spec, extensions
	}
}

func asMap(v any) map[string]any { m, _ := v.(map[string]any); return m }
func asList(v any) []any         { l, _ := v.([]any); return l }
func asString(v any) string      { s, _ := v.(string); return s }
