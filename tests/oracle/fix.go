package main

import (
	"fmt"
	"strings"
)

// fix mends what fields of a whole object must agree on.
func (g *generator) fix(object map[string]any) {
	switch g.schema.kind {
	case "Deployment":
		g.fixDeployment(object)
	case "ConfigMap":
		// One key may not be in both maps.
		for key := range asMap(object["binaryData"]) {
			delete(asMap(object["data"]), key)
		}
	}
}

func (g *generator) fixDeployment(object map[string]any) {
	spec := asMap(object["spec"])
	template := asMap(spec["template"])
	metadata := asMap(template["metadata"])
	if metadata == nil {
		metadata = map[string]any{}
		template["metadata"] = metadata
	}
	labels := asMap(metadata["labels"])
	if labels == nil {
		labels = map[string]any{}
		metadata["labels"] = labels
	}
	labels["app"] = g.pick("web", "yes", "007", "1.10")
	spec["selector"] = g.selectorFor(labels)
	if strategy := asMap(spec["strategy"]); strategy != nil {
		rolling := asMap(strategy["rollingUpdate"])
		if rolling["maxSurge"] == number(0) && rolling["maxUnavailable"] == number(0) {
			delete(rolling, "maxSurge")
		}
	}
	g.fixPod(asMap(template["spec"]))
}

func (g *generator) selectorFor(labels map[string]any) map[string]any {
	selector := map[string]any{}
	if g.chance(0.8) {
		selector["matchLabels"] = map[string]any{"app": labels["app"]}
	}
	if g.chance(0.2) || len(selector) == 0 {
		selector["matchExpressions"] = []any{
			map[string]any{"key": "app", "operator": "In", "values": []any{labels["app"], "other"}},
			map[string]any{"key": "absent", "operator": "DoesNotExist"},
		}
	}
	return selector
}

func (g *generator) fixPod(pod map[string]any) {
	hostNetwork := pod["hostNetwork"] == true
	if hostNetwork || pod["hostPID"] == true || pod["hostIPC"] == true {
		if pod["hostUsers"] == false {
			delete(pod, "hostUsers")
		}
	}
	if pod["hostPID"] == true {
		delete(pod, "shareProcessNamespace")
	}
	if hostNetwork || pod["setHostnameAsFQDN"] == true {
		delete(pod, "hostnameOverride")
	}
	if pod["schedulingGates"] != nil {
		delete(pod, "nodeName")
	}
	if pod["dnsPolicy"] == "None" {
		dns := asMap(pod["dnsConfig"])
		if dns == nil {
			dns = map[string]any{}
			pod["dnsConfig"] = dns
		}
		if dns["nameservers"] == nil {
			dns["nameservers"] = []any{ip(g)}
		}
	}
	security := asMap(pod["securityContext"])
	if hostNetwork || pod["hostIPC"] == true {
		delete(security, "sysctls")
	}
	if resources := asMap(pod["resources"]); resources != nil {
		delete(resources, "claims")
		// They must be no less than those of all containers together.
		for _, name := range []string{"limits", "requests"} {
			if resources[name] != nil {
				resources[name] = map[string]any{"cpu": g.quantity("100", "100.0", "100000m", "1e2"), "memory": g.quantity("100Ti", "102400Gi", "200T")}
			}
		}
	}
	windows := asMap(pod["os"])["name"] == "windows"
	if windows {
		g.fixWindows(pod, security)
	} else if pod["os"] != nil {
		delete(security, "windowsOptions")
	}
	names := map[string]bool{}
	hostPorts := map[string]bool{}
	for _, list := range []string{"initContainers", "containers"} {
		for _, item := range asList(pod[list]) {
			g.fixContainer(asMap(item), pod, list == "initContainers", windows, names, hostPorts)
		}
	}
}

// fixWindows takes out what only Linux knows.
func (g *generator) fixWindows(pod, security map[string]any) {
	for _, key := range []string{"hostPID", "hostIPC", "hostUsers", "shareProcessNamespace", "hostNetwork", "resources"} {
		delete(pod, key)
	}
	for key := range security {
		if key != "windowsOptions" && key != "runAsNonRoot" {
			delete(security, key)
		}
	}
}

func (g *generator) fixContainer(c, pod map[string]any, isInit, windows bool, names, hostPorts map[string]bool) {
	sidecar := isInit && c["restartPolicy"] == "Always"
	if isInit && !sidecar {
		for _, key := range []string{"livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resizePolicy"} {
			delete(c, key)
		}
	}
	if c["restartPolicyRules"] != nil && c["restartPolicy"] == nil {
		c["restartPolicy"] = g.pick("Never", "OnFailure")
	}
	if sidecar {
		delete(c, "restartPolicyRules")
	}
	if pod["os"] == nil {
		delete(asMap(c["lifecycle"]), "stopSignal")
	} else if asMap(c["lifecycle"])["stopSignal"] != nil && windows {
		asMap(c["lifecycle"])["stopSignal"] = "SIGTERM"
	}
	if c["lifecycle"] != nil && len(asMap(c["lifecycle"])) == 0 {
		delete(c, "lifecycle")
	}
	for _, handler := range []string{"postStart", "preStop"} {
		if sleep := asMap(at(c["lifecycle"], handler, "sleep")); sleep != nil {
			if _, ok := pod["terminationGracePeriodSeconds"]; ok {
				sleep["seconds"] = number(0)
				pod["terminationGracePeriodSeconds"] = number(45)
			}
		}
	}
	g.fixSecurity(c, pod, windows)
	g.fixPorts(c, pod, hostPorts, names)
	g.fixMounts(c)
	g.fixResources(c)
	if startup := asMap(c["startupProbe"]); startup != nil && startup["successThreshold"] != nil {
		startup["successThreshold"] = number(1)
	}
}

func (g *generator) fixSecurity(c, pod map[string]any, windows bool) {
	security := asMap(c["securityContext"])
	if security == nil {
		return
	}
	if security["privileged"] == true || asMap(security["capabilities"])["add"] != nil {
		if security["allowPrivilegeEscalation"] == false {
			delete(security, "allowPrivilegeEscalation")
		}
	}
	if security["procMount"] == "Unmasked" && pod["hostUsers"] != false {
		security["procMount"] = "Default"
	}
	switch {
	case windows:
		for key := range security {
			if key != "windowsOptions" && key != "runAsNonRoot" {
				delete(security, key)
			}
		}
	case pod["os"] != nil:
		delete(security, "windowsOptions")
	}
}

func (g *generator) fixPorts(c, pod map[string]any, hostPorts, names map[string]bool) {
	for _, item := range asList(c["ports"]) {
		port := asMap(item)
		if port["hostPort"] == nil {
			continue
		}
		if pod["hostNetwork"] == true {
			port["hostPort"] = port["containerPort"]
		}
		key := fmt.Sprint(port["hostPort"])
		if hostPorts[key] {
			delete(port, "hostPort")
		}
		hostPorts[key] = true
	}
}

func (g *generator) fixMounts(c map[string]any) {
	privileged := asMap(c["securityContext"])["privileged"] == true
	for _, item := range asList(c["volumeMounts"]) {
		mount := asMap(item)
		if mount["mountPropagation"] == "Bidirectional" && !privileged {
			mount["mountPropagation"] = "HostToContainer"
		}
		if mount["bindMountOptions"] != nil && strings.HasPrefix(asString(mount["subPathExpr"]), "$") {
			delete(mount, "subPathExpr")
		}
	}
}

func (g *generator) fixResources(c map[string]any) {
	resources := asMap(c["resources"])
	limits, requests := asMap(resources["limits"]), asMap(resources["requests"])
	const gpu = "example.com/gpu"
	if requests[gpu] != nil && limits[gpu] == nil {
		if limits == nil {
			limits = map[string]any{}
			resources["limits"] = limits
		}
		limits[gpu] = requests[gpu]
	}
	if policies := asList(c["resizePolicy"]); policies != nil && c["restartPolicy"] == "Never" {
		delete(c, "resizePolicy")
	}
}
