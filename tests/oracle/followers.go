package main

import (
	"fmt"
	"maps"
)

// withDeclared is what the object should be after the next apply of its manager, where others have written
// what the manifest decides all the same: the server derives it from a declared neighbour when it is absent.
func withDeclared(next, fresh, manifest map[string]any) {
	withAccount(next, fresh, manifest)
	withTargetPorts(next, fresh, manifest)
	withStrategy(next, fresh, manifest)
	withEmptiedVolumes(next, fresh, manifest)
}

// withEmptiedVolumes gives back the source of each volume that is declared without anything in it, as in
// `downwardAPI: {}`. An apply that takes out what the source held takes out the source too, and the server fills in
// another one, which the manifest does not ask for.
func withEmptiedVolumes(next, fresh, manifest map[string]any) {
	volumes := func(object map[string]any) []any { return asList(at(object, "spec", "template", "spec", "volumes")) }
	named := func(object map[string]any, name any) map[string]any {
		for _, volume := range volumes(object) {
			if asMap(volume)["name"] == name {
				return asMap(volume)
			}
		}
		return nil
	}
	for _, declared := range volumes(manifest) {
		name := asMap(declared)["name"]
		after, posted := named(next, name), named(fresh, name)
		for source, value := range asMap(declared) {
			if value == nil || source == "name" || after == nil || after[source] != nil {
				continue
			}
			clear(after)
			maps.Copy(after, posted)
		}
	}
}

// withAccount sets both names of the service account as a POST of the manifest would, where either is declared.
func withAccount(next, fresh, manifest map[string]any) {
	names := []string{"serviceAccount", "serviceAccountName"}
	pod := func(object map[string]any) map[string]any { return asMap(at(object, "spec", "template", "spec")) }
	declared := false
	for _, name := range names {
		declared = declared || asString(pod(manifest)[name]) != ""
	}
	if !declared || pod(next) == nil {
		return
	}
	for _, name := range names {
		if value := pod(fresh)[name]; value != nil {
			pod(next)[name] = value
		} else {
			delete(pod(next), name)
		}
	}
}

// withStrategy sets the parameters of a declared type that the manifest leaves out as a POST of it would.
func withStrategy(next, fresh, manifest map[string]any) {
	strategy := func(object map[string]any) map[string]any { return asMap(at(object, "spec", "strategy")) }
	there := asMap(strategy(next)["rollingUpdate"])
	if there == nil || asString(strategy(manifest)["type"]) == "" {
		return
	}
	for name, value := range asMap(strategy(fresh)["rollingUpdate"]) {
		if at(manifest, "spec", "strategy", "rollingUpdate", name) == nil {
			there[name] = value
		}
	}
}

// withTargetPorts sets the target of each declared port as a POST of the manifest would.
func withTargetPorts(next, fresh, manifest map[string]any) {
	key := func(port any) string {
		protocol := asString(asMap(port)["protocol"])
		if protocol == "" {
			protocol = "TCP"
		}
		return fmt.Sprint(asMap(port)["port"], protocol)
	}
	targets := map[string]any{}
	for _, port := range asList(at(fresh, "spec", "ports")) {
		if target := asMap(port)["targetPort"]; target != nil {
			targets[key(port)] = target
		}
	}
	if len(asList(at(manifest, "spec", "ports"))) == 0 {
		return
	}
	for _, port := range asList(at(next, "spec", "ports")) {
		if target, ok := targets[key(port)]; ok {
			asMap(port)["targetPort"] = target
		}
	}
}
