package main

import "fmt"

// nodePort picks from the part of the range that the server leaves to those who
// ask for a number (it allocates from the upper part first).
func (g *generator) nodePort() any { return number(int64(30000 + g.IntN(2768))) }

func (g *generator) clusterIP() any {
	if g.chance(0.3) {
		return "None"
	}
	return fmt.Sprintf("10.96.%d.%d", g.IntN(256), 1+g.IntN(250))
}

// serviceSpec makes a Service that fits together: most fields are only legal
// with certain types.
func serviceSpec(g *generator, sc scope) any {
	n := sc.node
	spec := map[string]any{}
	sc.parent = spec
	kind := g.pick("", "ClusterIP", "ClusterIP", "NodePort", "NodePort", "LoadBalancer", "LoadBalancer", "ExternalName", "headless")
	for _, name := range []string{"healthCheckNodePort", "loadBalancerClass", "loadBalancerIP", "loadBalancerSourceRanges", "allocateLoadBalancerNodePorts"} {
		if g.wants(n.field(name)) {
			kind = "LoadBalancer"
		}
	}
	if g.wants(n.field("externalName")) {
		kind = "ExternalName"
	}
	set := func(name string, likely float64) {
		f := n.field(name)
		if g.wants(f) {
			likely = 0.95
		}
		if g.chance(likely) {
			spec[name] = g.value(f, sc)
		}
	}
	switch kind {
	case "":
	case "headless":
		spec["clusterIP"] = "None"
		if g.chance(0.5) {
			spec["type"] = "ClusterIP"
		}
	default:
		spec["type"] = kind
	}
	set("selector", 0.8)
	set("publishNotReadyAddresses", 0.2)
	set("sessionAffinity", 0.3)
	if spec["sessionAffinity"] == "ClientIP" || g.chance(0.05) {
		set("sessionAffinityConfig", 0.6)
	}
	set("externalIPs", 0.15)
	if kind == "ExternalName" {
		spec["externalName"] = g.value(n.field("externalName"), sc)
		if g.chance(0.1) {
			set("internalTrafficPolicy", 0.5) // dropped without a word
		}
		if g.chance(0.5) {
			spec["ports"] = servicePorts(g, sc, false)
		}
		return spec
	}
	nodePorts := kind == "NodePort" || kind == "LoadBalancer"
	if kind != "headless" || g.chance(0.8) {
		spec["ports"] = servicePorts(g, sc, nodePorts)
	}
	set("internalTrafficPolicy", 0.3)
	set("trafficDistribution", 0.15)
	set("ipFamilies", 0.1)
	set("ipFamilyPolicy", 0.15)
	if kind != "headless" && (g.chance(0.08) || g.wants(n.field("clusterIP")) || g.wants(n.field("clusterIPs"))) {
		spec["clusterIP"] = g.clusterIP()
		if nodePorts && spec["clusterIP"] == "None" {
			delete(spec, "clusterIP")
		}
	}
	if ip := spec["clusterIP"]; ip != nil && (g.chance(0.3) || g.wants(n.field("clusterIPs"))) {
		spec["clusterIPs"] = []any{ip}
	}
	if spec["ipFamilyPolicy"] == "PreferDualStack" && g.chance(0.3) {
		spec["ipFamilyPolicy"] = "SingleStack"
	}
	if nodePorts {
		set("externalTrafficPolicy", 0.4)
	}
	if kind == "LoadBalancer" {
		set("allocateLoadBalancerNodePorts", 0.3)
		set("loadBalancerClass", 0.3)
		set("loadBalancerIP", 0.2)
		set("loadBalancerSourceRanges", 0.3)
		if g.wants(n.field("healthCheckNodePort")) {
			spec["externalTrafficPolicy"] = "Local"
		}
		if spec["externalTrafficPolicy"] == "Local" {
			set("healthCheckNodePort", 0.3)
		}
	}
	if spec["sessionAffinity"] == "ClientIP" && spec["clusterIP"] == "None" {
		delete(spec, "sessionAffinity")
	}
	return spec
}

func servicePorts(g *generator, sc scope, nodePorts bool) []any {
	n := sc.node.field("ports")
	var items []any
	count := g.size()
	seen := map[string]bool{}
	for range count {
		port := g.structure(n.elem, sc)
		if !nodePorts || g.chance(0.7) && !g.wants(n.elem.field("nodePort")) {
			delete(port, "nodePort")
		}
		if count > 1 {
			port["name"] = g.fresh("p")
		}
		key := fmt.Sprint(port["port"], port["protocol"])
		if !seen[key] {
			items = append(items, port)
		}
		seen[key] = true
	}
	return items
}
