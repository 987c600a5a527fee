// Package typetable prints what a Kubernetes client has to know about the
// types of a few kinds: the JSON fields of every struct they are made of, which
// of them are left out when empty, and how lists and maps are merged.
//
// The fields come from the Go types by reflection, because only they tell
// whether an explicit zero survives a round trip through the server. The merge
// rules come from the OpenAPI definitions that kube-apiserver is built with and
// serves.
package typetable

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/util"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kubernetes/pkg/generated/openapi"
)

const (
	listType    = "x-kubernetes-list-type"
	listMapKeys = "x-kubernetes-list-map-keys"
	mapType     = "x-kubernetes-map-type"
)

type kind struct {
	apiVersion string
	scope      string
	goType     reflect.Type
}

var kinds = []kind{
	{"apps/v1", "namespaced", reflect.TypeFor[appsv1.Deployment]()},
	{"v1", "namespaced", reflect.TypeFor[corev1.Service]()},
	{"v1", "namespaced", reflect.TypeFor[corev1.ConfigMap]()},
	{"v1", "cluster", reflect.TypeFor[corev1.Namespace]()},
}

// scalars are the structs that are a single value, or, for FieldsV1, have no type.
var scalars = map[reflect.Type]string{
	reflect.TypeFor[metav1.FieldsV1]():    "any",
	reflect.TypeFor[intstr.IntOrString](): "intorstring",
	reflect.TypeFor[metav1.MicroTime]():   "microtime",
	reflect.TypeFor[metav1.Time]():        "time",
	reflect.TypeFor[resource.Quantity]():  "quantity",
}

// Print writes the tables of all kinds to w. They are those of the Kubernetes
// version that this program is built with, which is for the caller to know.
func Print(w io.Writer, version string) error {
	structs, err := collect(kinds)
	if err != nil {
		return err
	}

	var b strings.Builder
	fmt.Fprintf(&b, "version %s\n", version)
	for _, k := range kinds {
		fmt.Fprintf(&b, "kind %s %s %s\n", k.goType.Name(), k.apiVersion, k.scope)
	}
	for _, s := range structs {
		b.WriteString("\ntype " + s.name)
		if s.atomic {
			b.WriteString(" atomic")
		}
		b.WriteByte('\n')
		for _, f := range s.fields {
			fmt.Fprintf(&b, "  %s %s\n", f.name, strings.Join(f.words, " "))
		}
	}
	_, err = io.WriteString(w, b.String())
	return err
}

type structTable struct {
	name   string
	atomic bool
	fields []field
}

type field struct {
	name  string
	words []string // the type and its flags
}

type collector struct {
	definitions map[string]common.OpenAPIDefinition
	types       map[string]reflect.Type // by short name
	structs     []structTable
}

// collect returns the tables of all structs reachable from kinds, by name.
func collect(kinds []kind) ([]structTable, error) {
	c := &collector{
		definitions: openapi.GetOpenAPIDefinitions(func(string) spec.Ref { return spec.Ref{} }),
		types:       map[string]reflect.Type{},
	}
	for _, k := range kinds {
		if err := c.visit(k.goType, true); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(c.structs, func(a, b structTable) int { return cmp.Compare(a.name, b.name) })
	return c.structs, nil
}

func (c *collector) visit(t reflect.Type, isKind bool) error {
	if known, ok := c.types[t.Name()]; ok {
		if known != t {
			return fmt.Errorf("two types are called %s: %s and %s", t.Name(), known.PkgPath(), t.PkgPath())
		}
		return nil
	}
	c.types[t.Name()] = t

	model := util.GetCanonicalTypeName(reflect.New(t).Interface())
	definition, ok := c.definitions[model]
	if !ok {
		return fmt.Errorf("%s: no OpenAPI definition %s", t, model)
	}
	table := structTable{name: t.Name(), atomic: definition.Schema.Extensions[mapType] == "atomic"}
	for _, goField := range jsonFields(t) {
		if isKind && goField.name == "status" {
			words := []string{"any"}
			if goField.omit {
				words = append(words, "omit")
			}
			table.fields = append(table.fields, field{goField.name, words})
			continue
		}
		schema, ok := definition.Schema.Properties[goField.name]
		if !ok {
			return fmt.Errorf("%s.%s: not in OpenAPI definition %s", t, goField.name, model)
		}
		words, err := c.describe(goField, schema)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", t, goField.name, err)
		}
		table.fields = append(table.fields, field{goField.name, words})
	}
	slices.SortFunc(table.fields, func(a, b field) int { return cmp.Compare(a.name, b.name) })
	c.structs = append(c.structs, table)
	return nil
}

// describe gives the type of a field and its flags.
func (c *collector) describe(f jsonField, schema spec.Schema) ([]string, error) {
	name, err := c.typeName(f.goType)
	if err != nil {
		return nil, err
	}
	words := []string{name}

	if strings.HasPrefix(name, "[]") {
		merge, err := listMerge(schema)
		if err != nil {
			return nil, err
		}
		words = append(words, merge)
	} else if schema.Extensions[mapType] == "atomic" {
		words = append(words, "atomic")
	}
	if f.omit {
		words = append(words, "omit")
	}
	return words, nil
}

// listMerge says how a list is merged. A list without a list type is atomic.
func listMerge(schema spec.Schema) (string, error) {
	switch kind := schema.Extensions[listType]; kind {
	case nil, "atomic":
		return "atomic", nil
	case "set":
		return "set", nil
	case "map":
		var keys []string
		for _, key := range schema.Extensions[listMapKeys].([]interface{}) {
			keys = append(keys, key.(string))
		}
		return "keys=" + strings.Join(keys, ","), nil
	default:
		return "", fmt.Errorf("unknown list type %v", kind)
	}
}

// typeName gives the name of a type and visits the structs in it.
func (c *collector) typeName(t reflect.Type) (string, error) {
	if name, ok := scalars[t]; ok {
		return name, nil
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int32, reflect.Int64, reflect.Float64:
		return t.Kind().String(), nil
	case reflect.Pointer:
		return c.prefixed("*", t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes", nil
		}
		return c.prefixed("[]", t.Elem())
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return "", fmt.Errorf("map with keys of type %s", t.Key())
		}
		element, err := c.typeName(t.Elem())
		return "map[" + element + "]", err
	case reflect.Struct:
		if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Marshaler]()) {
			return "", fmt.Errorf("%s has a JSON form of its own", t)
		}
		return t.Name(), c.visit(t, false)
	default:
		return "", fmt.Errorf("no name for the type %s", t)
	}
}

func (c *collector) prefixed(prefix string, element reflect.Type) (string, error) {
	name, err := c.typeName(element)
	return prefix + name, err
}

type jsonField struct {
	name   string
	goType reflect.Type
	omit   bool // the zero value is not printed
}

// jsonFields lists the fields of a struct as encoding/json sees them: inlined
// structs give theirs. TypeMeta is passed over: apiVersion and kind identify a
// document and are no part of its content.
func jsonFields(t reflect.Type) []jsonField {
	var fields []jsonField
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type == reflect.TypeFor[metav1.TypeMeta]() {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "" && f.Anonymous:
			fields = append(fields, jsonFields(f.Type)...)
		case name == "" || name == "-":
		default:
			fields = append(fields, jsonField{name, f.Type, omits(f.Type, strings.Split(options, ","))})
		}
	}
	return fields
}

// omits says whether encoding/json leaves out the zero value of t under these
// options of its tag: omitempty never leaves out a struct, omitzero does.
func omits(t reflect.Type, options []string) bool {
	return slices.Contains(options, "omitzero") ||
		slices.Contains(options, "omitempty") && t.Kind() != reflect.Struct
}
