package typetable

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
)

func TestPrint(t *testing.T) {
	table := printed(t)
	// One line for each rule of the format.
	for block, lines := range map[string][]string{
		"version v1.2.3": {"kind Deployment apps/v1 namespaced", "kind Namespace v1 cluster"},
		"type Container": {
			"  name string",
			"  stdin bool omit",
			"  args []string atomic omit",
			"  env []EnvVar keys=name omit",
			"  ports []ContainerPort keys=containerPort,protocol omit",
			"  livenessProbe *Probe omit",
			// encoding/json never leaves out a struct
			"  resources ResourceRequirements",
			// a pointer to a named string
			"  restartPolicy *string omit",
		},
		"type ResourceRequirements": {"  limits map[quantity] omit"},
		"type ConfigMap":            {"  binaryData map[bytes] omit", "  metadata ObjectMeta"},
		"type ServicePort":          {"  targetPort intorstring", "  nodePort int32 omit"},
		"type ServiceSpec":          {"  selector map[string] atomic omit"},
		"type ObjectMeta": {
			"  finalizers []string set omit",
			"  managedFields []ManagedFieldsEntry atomic omit",
			"  creationTimestamp time omit", // omitzero
			"  deletionTimestamp *time omit",
		},
		// inlined structs
		"type Volume": {"  name string", "  emptyDir *EmptyDirVolumeSource omit"},
		"type Probe":  {"  httpGet *HTTPGetAction omit"},
		// atomic as a whole
		"type ObjectFieldSelector atomic": {"  fieldPath string"},
		"type Deployment":                 {"  spec DeploymentSpec", "  status any"},
	} {
		for _, line := range lines {
			if !slices.Contains(table[block], line) {
				t.Errorf("%s: no line %q in\n%s", block, line, strings.Join(table[block], "\n"))
			}
		}
	}
	for block := range table {
		if strings.HasSuffix(block, "Status") {
			t.Errorf("%s: status is not to be followed", block)
		}
	}
}

func TestEveryTypeThatIsNamedHasATable(t *testing.T) {
	table := printed(t)
	names := map[string]bool{}
	for block := range table {
		if name, ok := strings.CutPrefix(block, "type "); ok {
			names[strings.TrimSuffix(name, " atomic")] = true
		}
	}
	base := strings.Fields("string bool int32 int64 float64 quantity intorstring time microtime bytes any")
	for block, lines := range table {
		if !strings.HasPrefix(block, "type ") {
			continue
		}
		if !slices.IsSorted(lines) {
			t.Errorf("%s is not sorted", block)
		}
		for _, line := range lines {
			name := strings.Fields(line)[1]
			name = strings.TrimSuffix(strings.TrimPrefix(name, "map["), "]")
			name = strings.TrimLeft(name, "*[]")
			if !names[name] && !slices.Contains(base, name) {
				t.Errorf("%s:%s: unknown type %s", block, line, name)
			}
		}
	}
}

func TestTwoTypesOfOneNameAreRefused(t *testing.T) {
	_, err := collect([]kind{
		{goType: reflect.TypeFor[corev1.EventSeries]()},
		{goType: reflect.TypeFor[eventsv1.EventSeries]()},
	})
	if err == nil || !strings.Contains(err.Error(), "two types are called EventSeries") {
		t.Errorf("error %v", err)
	}
}

// printed returns the lines below each heading.
func printed(t *testing.T) map[string][]string {
	t.Helper()
	var out strings.Builder
	if err := Print(&out, "v1.2.3"); err != nil {
		t.Fatal(err)
	}
	blocks := map[string][]string{}
	for _, block := range strings.Split(out.String(), "\n\n") {
		lines := strings.Split(strings.TrimSuffix(block, "\n"), "\n")
		blocks[lines[0]] = lines[1:]
	}
	return blocks
}
