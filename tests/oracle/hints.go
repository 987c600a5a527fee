package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// unions are the structs of which the API wants one member. No type says so:
// it stands in the validation code and in prose.
var unions = map[string][]string{
	"Volume": {"hostPath", "emptyDir", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "secret", "nfs",
		"iscsi", "glusterfs", "persistentVolumeClaim", "rbd", "flexVolume", "cinder", "cephfs", "flocker",
		"downwardAPI", "fc", "azureFile", "configMap", "vsphereVolume", "quobyte", "azureDisk",
		"photonPersistentDisk", "projected", "portworxVolume", "scaleIO", "storageos", "csi", "ephemeral", "image"},
	"EnvVar":                {"value", "valueFrom"},
	"EnvVarSource":          {"fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"},
	"EnvFromSource":         {"configMapRef", "secretRef"},
	"Probe":                 {"exec", "httpGet", "tcpSocket", "grpc"},
	"LifecycleHandler":      {"exec", "httpGet", "tcpSocket", "sleep"},
	"VolumeProjection":      {"secret", "downwardAPI", "configMap", "serviceAccountToken", "clusterTrustBundle", "podCertificate"},
	"DownwardAPIVolumeFile": {"fieldRef", "resourceFieldRef"},
	"PodResourceClaim":      {"resourceClaimName", "resourceClaimTemplateName"},
	"FlockerVolumeSource":   {"datasetName", "datasetUUID"},
	"FCVolumeSource":        {"targetWWNs", "wwids"},
}

// unionOptional are those where no member is fine too.
var unionOptional = map[string]bool{"Volume": true, "EnvVar": true}

// fieldsFirst are made before their neighbours, which refer to them.
var fieldsFirst = map[string][]string{
	"PodSpec":        {"os", "hostNetwork", "volumes", "resourceClaims", "resources"},
	"Container":      {"restartPolicy", "volumeMounts", "ports", "securityContext", "resources"},
	"DeploymentSpec": {"template"},
}

// likelihood of a field that is not required; 0.35 unless it stands here.
var likelihood = map[string]float64{
	"Deployment.metadata": 1, "Deployment.spec": 1, "Service.metadata": 1, "Service.spec": 1,
	"ConfigMap.metadata": 1, "Namespace.metadata": 1, "PodTemplateSpec.spec": 1,
	"Deployment.status": 0, "Service.status": 0, "Namespace.status": 0,
	"Deployment.apiVersion": 0, "Deployment.kind": 0, "TypeMeta.kind": 0, "TypeMeta.apiVersion": 0,
	"ConfigMap.data": 0.8, "ConfigMap.immutable": 0.1,
	"PodTemplateSpec.metadata": 1, "Container.image": 1,
	"PodSpec.volumes": 0.6, "PodSpec.initContainers": 0.3, "PodSpec.os": 0.05, "PodSpec.affinity": 0.2,
	"PodSpec.hostNetwork": 0.1, "PodSpec.securityContext": 0.25, "PodSpec.resources": 0.1,
	"PodSpec.hostUsers": 0.08, "PodSpec.hostPID": 0.08, "PodSpec.hostIPC": 0.08,
	"Container.ports": 0.4, "Container.env": 0.5, "Container.volumeMounts": 0.6, "Container.lifecycle": 0.2,
	"Container.livenessProbe": 0.25, "Container.readinessProbe": 0.25, "Container.startupProbe": 0.2,
	"Container.restartPolicyRules": 0.1, "Container.volumeDevices": 0.2, "Container.restartPolicy": 0.3,
	"ObjectMeta.labels": 0.5, "ObjectMeta.annotations": 0.4,
	"ObjectMeta.finalizers": 0.05, "ObjectMeta.ownerReferences": 0.07,
	"ObjectMeta.generateName": 0.01, "ObjectMeta.uid": 0.01, "ObjectMeta.selfLink": 0.01,
	"ObjectMeta.resourceVersion": 0.01, "ObjectMeta.generation": 0.01, "ObjectMeta.creationTimestamp": 0.02,
	"ObjectMeta.deletionTimestamp": 0.01, "ObjectMeta.deletionGracePeriodSeconds": 0.01,
	"ObjectMeta.managedFields": 0.01, "ObjectMeta.name": 0.03, "ObjectMeta.namespace": 0.03,
	"LocalObjectReference.name": 1, "SecretReference.name": 1, "ExecAction.command": 1,
	"EphemeralVolumeSource.volumeClaimTemplate": 1, "FCVolumeSource.lun": 1, "ImageVolumeSource.reference": 1,
	"StorageOSVolumeSource.volumeName": 1, "ScaleIOVolumeSource.volumeName": 1, "PodDNSConfigOption.name": 1,
	"ConfigMapVolumeSource.name": 1, "SecretVolumeSource.secretName": 1,
	"SecurityContext.windowsOptions": 0.1, "PodSecurityContext.windowsOptions": 0.1,
}

type hint func(g *generator, sc scope) any

func oneOf(options ...string) hint {
	return func(g *generator, _ scope) any { return g.pick(options...) }
}

func between(low, high int64) hint {
	return func(g *generator, _ scope) any { return number(low + g.Int64N(high-low+1)) }
}

// always gives the same value.
func always(v any) hint { return func(*generator, scope) any { return v } }

func freshName(prefix string) hint {
	return func(g *generator, _ scope) any { return g.fresh(prefix) }
}

func path(g *generator, _ scope) any {
	return "/" + g.pick("data", "var/lib", "etc/app", "opt", "a/b/") + "/" + g.fresh("p")
}

func relative(g *generator, _ scope) any {
	return g.pick("", "conf/", "a/b/") + g.fresh("f")
}

func fileMode(g *generator, _ scope) any {
	return number(pickOne(g, []int64{0, 0o400, 0o440, 0o600, 0o644, 0o755, 0o777, 256, 420}))
}

// amounts spells an amount in one of the many ways, as a string or as a number.
func amounts(spellings ...string) hint {
	return func(g *generator, _ scope) any { return g.quantity(spellings...) }
}

func (g *generator) quantity(spellings ...string) any {
	text := g.pick(spellings...)
	if json.Valid([]byte(text)) && g.chance(0.3) {
		return json.Number(text)
	}
	return text
}

func (g *generator) text() string {
	return g.pick("", "a", "on", "yes", "007", "1e3", "0x1F", "null", "~", "true", "-", "# no comment", "a: b",
		"two\nlines\n", "trailing \n\n", "tab\there", "ünïcödé ☸", "\"quoted\"", "it's", "{flow}", "[1]", "*star", "&and",
		"!bang", "%percent", "@at", "`tick`", " lead", "0.5", "1_000", "12:30", "2001-01-01", "$(HOME)", "<<", "=",
		"back\\slash", "a\u0085b", "x"+g.fresh("v"))
}

func (g *generator) labelKey() string {
	return g.pick("", "", "example.com/", "app.kubernetes.io/") + g.pick("app", "tier", "on", "y", "007", "a.b", "part_of", "Team") +
		g.pick("", "", g.fresh("-"))
}

func labelValue(g *generator, _ scope) any {
	return g.pick("", "web", "true", "007", "1e3", "yes", "v1.2", "A_b", "null", g.fresh("l"))
}

func ip(g *generator) string {
	return fmt.Sprintf("192.0.2.%d", 1+g.IntN(250))
}

func portOrName(names func(sc scope) []string) hint {
	return func(g *generator, sc scope) any {
		if known := names(sc); len(known) > 0 && g.chance(0.5) {
			return g.pick(known...)
		}
		if g.chance(0.2) {
			return g.pick("http", "metrics")
		}
		return number(int64(1 + g.IntN(65535)))
	}
}

func portNames(sc scope) []string {
	var names []string
	for _, port := range asList(sc.container["ports"]) {
		if name := asString(asMap(port)["name"]); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// nameOf picks the name of one of the pod's volumes or claims.
func nameOf(list string, wanted func(map[string]any) bool) hint {
	return func(g *generator, sc scope) any {
		var names []string
		for _, item := range asList(sc.pod[list]) {
			if wanted(asMap(item)) {
				names = append(names, asString(asMap(item)["name"]))
			}
		}
		if len(names) == 0 {
			return nil
		}
		return g.pick(names...)
	}
}

// whole makes a struct by the usual rules and then mends what belongs together.
func whole(mend func(g *generator, sc scope, m map[string]any) any) hint {
	return func(g *generator, sc scope) any {
		return mend(g, sc, g.structure(sc.node, sc))
	}
}

func needsPrefix(prefix string) hint {
	return func(g *generator, _ scope) any { return prefix + g.fresh("x") }
}

var wwn = func(g *generator, _ scope) any { return fmt.Sprintf("500a0982991b8d%02x", g.IntN(256)) }

// resourceList makes limits and requests that fit each other wherever they meet:
// requests stay below one, limits above.
func resourceList(cpu, memory, others []string) hint {
	return func(g *generator, sc scope) any {
		m := map[string]any{}
		if g.chance(0.7) {
			m["cpu"] = g.quantity(cpu...)
		}
		if g.chance(0.7) || len(m) == 0 {
			m["memory"] = g.quantity(memory...)
		}
		for _, name := range others {
			if g.chance(0.2) {
				m[name] = g.quantity(memory...)
			}
		}
		if strings.HasPrefix(sc.node.hint, "ResourceRequirements") && sc.container != nil {
			// Extended resources must be requested and limited alike, in whole numbers.
			if g.chance(0.15) {
				m["example.com/gpu"] = g.quantity("2", "2.0", "2e0", "2000m")
			}
		}
		return m
	}
}

var littleCPU = []string{"0.5", "500m", ".5", "5e-1", "0.100", "100m", "+0.5", "1m", "0.0005", "250m", "1", "1.0", "01", "0"}
var muchCPU = []string{"1", "1.5", "1500m", "1.500", "2", "2.0", "+2", "1e0", "4", "1e1", "1E1", "010", "5.", "1.2345"}
var littleMemory = []string{"64Mi", "0.1Gi", "67108864", "128M", "1e6", "129e6", "1E6", "0.5Gi", "1000Ki", "1e+3", "100000000", "1.5Mi", "65536k"}
var muchMemory = []string{"1Gi", "1024Mi", "1.0Gi", "1.5Gi", "1536Mi", "2G", "2e9", "1Ti", "0.5Ti", "1P", "1e12", "8Ei"}

func selectorTerm(g *generator, sc scope, m map[string]any) any {
	op := asString(m["operator"])
	switch op {
	case "In", "NotIn":
		if m["values"] == nil {
			m["values"] = []any{labelValue(g, sc), g.fresh("w")}
		}
	case "Gt", "Lt":
		m["values"] = []any{fmt.Sprint(g.IntN(100))}
	default:
		delete(m, "values")
	}
	return m
}

// needs makes sure that a selector is there where other fields lean on it.
func needs(field, needed string) func(*generator, scope, map[string]any) any {
	return func(g *generator, sc scope, m map[string]any) any {
		if m[field] != nil && m[needed] == nil {
			m[needed] = g.value(sc.node.field(needed), sc)
		}
		return m
	}
}

var matchLabels = func(g *generator, sc scope) any {
	return map[string]any{g.labelKey(): labelValue(g, sc)}
}

var userID = between(0, 70000)

var profile = whole(func(g *generator, sc scope, m map[string]any) any {
	delete(m, "localhostProfile")
	if m["type"] == "Localhost" {
		m["localhostProfile"] = "profiles/" + g.fresh("p")
	}
	return m
})

var probe = whole(func(g *generator, sc scope, m map[string]any) any {
	name := sc.node.name()
	if name != "readinessProbe" && m["successThreshold"] != nil {
		m["successThreshold"] = number(1)
	}
	if name == "readinessProbe" {
		delete(m, "terminationGracePeriodSeconds")
	}
	return m
})

// hints are filled in by init, because making a value leads back to them.
var hints map[string]hint

func init() {
	hints = map[string]hint{
		// Metadata.
		"ObjectMeta.labels{}":       labelValue,
		"ObjectMeta.annotations{}":  func(g *generator, _ scope) any { return g.text() },
		"ObjectMeta.finalizers[]":   needsPrefix("example.com/"),
		"ObjectMeta.generateName":   freshName("gen-"),
		"ObjectMeta.name":           freshName("name-"),
		"ObjectMeta.namespace":      freshName("ns-"),
		"ObjectMeta.uid":            freshName("uid-"),
		"OwnerReference.name":       freshName("owner-"),
		"OwnerReference.uid":        freshName("uid-"),
		"OwnerReference.kind":       oneOf("Widget", "Gadget"),
		"OwnerReference.apiVersion": oneOf("example.com/v1", "example.org/v1beta1"),
		"ObjectMeta.ownerReferences": func(g *generator, sc scope) any {
			items := g.list(sc.node, sc)
			for i, item := range asList(items) {
				if i > 0 {
					delete(asMap(item), "controller") // only one may be
				}
			}
			return items
		},
		"ManagedFieldsEntry.operation":  oneOf("Apply", "Update"),
		"ManagedFieldsEntry.fieldsType": always("FieldsV1"),
		"ManagedFieldsEntry.apiVersion": always("v1"),

		// ConfigMap and Namespace.
		"ConfigMap.data{}":           func(g *generator, _ scope) any { return g.text() },
		"ConfigMap.binaryData{}":     binary,
		"NamespaceSpec.finalizers[]": func(g *generator, _ scope) any { return g.pick("kubernetes", "example.com/"+g.fresh("f")) },

		// Deployment.
		"DeploymentSpec.replicas":                between(0, 5),
		"DeploymentSpec.minReadySeconds":         between(0, 100),
		"DeploymentSpec.revisionHistoryLimit":    between(0, 20),
		"DeploymentSpec.progressDeadlineSeconds": between(101, 900),
		"DeploymentSpec.strategy": whole(func(g *generator, sc scope, m map[string]any) any {
			if m["type"] == "Recreate" {
				delete(m, "rollingUpdate")
			}
			return m
		}),
		"RollingUpdateDeployment.maxUnavailable": oneRolling("25%", "50%", "030%", "1%"),
		"RollingUpdateDeployment.maxSurge":       oneRolling("25%", "100%", "200%", "5%"),
		"DeploymentSpec.selector":                always(nil), // made from the template's labels
		"LabelSelector.matchLabels":              matchLabels,
		"LabelSelectorRequirement.key":           func(g *generator, _ scope) any { return g.labelKey() },
		"LabelSelectorRequirement.operator":      oneOf("In", "NotIn", "Exists", "DoesNotExist"),
		"LabelSelectorRequirement.values[]":      labelValue,
		"LabelSelector.matchExpressions[]":       whole(selectorTerm),

		// Pod.
		"PodSpec.restartPolicy":                      always("Always"),
		"PodSpec.terminationGracePeriodSeconds":      between(0, 120),
		"PodSpec.nodeSelector{}":                     labelValue,
		"PodSpec.serviceAccountName":                 freshName("sa-"),
		"PodSpec.serviceAccount":                     freshName("sa-"),
		"PodSpec.nodeName":                           freshName("node-"),
		"PodSpec.hostname":                           freshName("host-"),
		"PodSpec.subdomain":                          freshName("sub-"),
		"PodSpec.hostnameOverride":                   freshName("over-"),
		"PodSpec.schedulerName":                      freshName("sched-"),
		"PodSpec.priorityClassName":                  freshName("prio-"),
		"PodSpec.priority":                           between(-5, 1000),
		"PodSpec.preemptionPolicy":                   oneOf("Never", "PreemptLowerPriority"),
		"PodSpec.runtimeClassName":                   freshName("rc-"),
		"PodSpec.overhead":                           resourceList(littleCPU, littleMemory, nil),
		"PodSpec.volumes":                            volumes,
		"PodSpec.initContainers":                     containers(0),
		"PodSpec.containers":                         containers(1),
		"PodOS.name":                                 oneOf("linux", "linux", "windows"),
		"PodSchedulingGate.name":                     needsPrefix("example.com/gate-"),
		"PodResourceClaim.name":                      freshName("claim-"),
		"PodResourceClaim.resourceClaimName":         freshName("rc-"),
		"PodResourceClaim.resourceClaimTemplateName": freshName("rct-"),
		"PodSchedulingGroup.podGroupName":            freshName("group-"),
		"EvictionResponder.name":                     needsPrefix("example.com/"),
		"EvictionResponder.priority":                 between(0, 1000),
		"PodReadinessGate.conditionType":             needsPrefix("example.com/ready-"),
		"HostAlias.ip":                               func(g *generator, _ scope) any { return ip(g) },
		"HostAlias.hostnames[]":                      freshName("alias-"),
		"PodDNSConfig.nameservers[]":                 func(g *generator, _ scope) any { return ip(g) },
		"PodDNSConfig.searches[]":                    needsPrefix("search.example."),
		"PodDNSConfigOption.name":                    oneOf("ndots", "timeout", "edns0", "attempts"),
		"PodDNSConfigOption.value":                   oneOf("1", "2", "", "05"),
		"LocalObjectReference.name":                  freshName("ref-"),
		"Toleration.key":                             func(g *generator, _ scope) any { return g.labelKey() },
		"Toleration.operator":                        oneOf("Exists", "Equal"),
		"Toleration.value":                           labelValue,
		"Toleration.tolerationSeconds":               between(-1, 300),
		"PodSpec.tolerations[]": whole(func(g *generator, sc scope, m map[string]any) any {
			if m["operator"] == "Exists" {
				delete(m, "value")
			}
			if m["key"] == nil {
				m["operator"] = "Exists"
				delete(m, "value")
			}
			if m["tolerationSeconds"] != nil {
				m["effect"] = "NoExecute"
			}
			return m
		}),
		"TopologySpreadConstraint.maxSkew":           between(1, 5),
		"TopologySpreadConstraint.topologyKey":       needsPrefix("example.com/zone-"),
		"TopologySpreadConstraint.whenUnsatisfiable": oneOf("DoNotSchedule", "ScheduleAnyway"),
		"TopologySpreadConstraint.minDomains":        between(1, 5),
		"TopologySpreadConstraint.matchLabelKeys[]":  freshName("mlk-"),
		"PodSpec.topologySpreadConstraints[]": whole(func(g *generator, sc scope, m map[string]any) any {
			if m["minDomains"] != nil {
				m["whenUnsatisfiable"] = "DoNotSchedule"
			}
			return needs("matchLabelKeys", "labelSelector")(g, sc, m)
		}),
		"WeightedPodAffinityTerm.weight":                                   between(1, 100),
		"PreferredSchedulingTerm.weight":                                   between(1, 100),
		"PodAffinityTerm.topologyKey":                                      needsPrefix("example.com/topo-"),
		"PodAffinityTerm.namespaces[]":                                     freshName("ns-"),
		"PodAffinityTerm.matchLabelKeys[]":                                 freshName("mlk-"),
		"PodAffinityTerm.mismatchLabelKeys[]":                              freshName("mmk-"),
		"PodAffinity.requiredDuringSchedulingIgnoredDuringExecution[]":     whole(affinityTerm),
		"PodAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[]": whole(affinityTerm),
		"WeightedPodAffinityTerm.podAffinityTerm":                          whole(affinityTerm),
		"NodeSelectorRequirement.key":                                      func(g *generator, _ scope) any { return g.labelKey() },
		"NodeSelectorRequirement.operator":                                 oneOf("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"),
		"NodeSelectorRequirement.values[]":                                 labelValue,
		"NodeSelectorTerm.matchExpressions[]":                              whole(selectorTerm),
		"NodeSelectorTerm.matchFields": func(g *generator, _ scope) any {
			return []any{map[string]any{"key": "metadata.name", "operator": g.pick("In", "NotIn"), "values": []any{g.fresh("node-")}}}
		},

		// Security.
		"PodSecurityContext.runAsUser":                userID,
		"PodSecurityContext.runAsGroup":               userID,
		"PodSecurityContext.fsGroup":                  userID,
		"PodSecurityContext.supplementalGroups[]":     userID,
		"SecurityContext.runAsUser":                   userID,
		"SecurityContext.runAsGroup":                  userID,
		"PodSecurityContext.supplementalGroupsPolicy": oneOf("Merge", "Strict"),
		"PodSecurityContext.fsGroupChangePolicy":      oneOf("Always", "OnRootMismatch"),
		"PodSecurityContext.seLinuxChangePolicy":      oneOf("MountOption", "Recursive"),
		"PodSecurityContext.seccompProfile":           profile,
		"PodSecurityContext.appArmorProfile":          profile,
		"SecurityContext.seccompProfile":              profile,
		"SecurityContext.appArmorProfile":             profile,
		"PodSecurityContext.sysctls": func(g *generator, _ scope) any {
			var items []any
			for _, name := range []string{"kernel.shm_rmid_forced", "net.ipv4.tcp_syncookies", "vm.max_map_count"} {
				if g.chance(0.5) {
					items = append(items, map[string]any{"name": name, "value": fmt.Sprint(g.IntN(9))})
				}
			}
			if items == nil {
				return nil
			}
			return items
		},
		"WindowsSecurityContextOptions.gmsaCredentialSpecName": freshName("gmsa-"),
		"WindowsSecurityContextOptions.gmsaCredentialSpec":     freshName("spec"),
		"WindowsSecurityContextOptions.runAsUserName":          oneOf("ContainerUser", "NT AUTHORITY\\NETWORK SERVICE", "EXAMPLE\\user"),
		"WindowsSecurityContextOptions.hostProcess":            always(false),
		"Capabilities.add[]":                                   oneOf("NET_ADMIN", "SYS_TIME", "CHOWN", "KILL"),
		"Capabilities.drop[]":                                  oneOf("ALL", "MKNOD", "SETUID"),
		"SELinuxOptions.level":                                 oneOf("s0:c1,c2", "s0"),
		"SecurityContext.procMount":                            oneOf("Default", "Default", "Unmasked"),

		// Container.
		"Container.name":                   freshName("c-"),
		"Container.image":                  image,
		"Container.workingDir":             path,
		"Container.terminationMessagePath": path,
		"Container.restartPolicy": func(g *generator, sc scope) any {
			if g.unreachable("Deployment.spec.template.spec.containers[].restartPolicy") {
				return "Always" // of an init container
			}
			return g.pick("Always", "Always", "Never", "OnFailure")
		},
		"Container.restartPolicyRules[]": func(g *generator, _ scope) any {
			return map[string]any{"action": g.pick("Restart", "RestartAllContainers"), "exitCodes": map[string]any{
				"operator": g.pick("In", "NotIn"), "values": []any{number(int64(1 + g.IntN(9))), number(int64(20 + g.IntN(200)))}}}
		},
		"Container.resizePolicy": func(g *generator, _ scope) any {
			items := []any{map[string]any{"resourceName": "cpu", "restartPolicy": g.pick("NotRequired", "RestartContainer")}}
			if g.chance(0.5) {
				items = append(items, map[string]any{"resourceName": "memory", "restartPolicy": g.pick("NotRequired", "RestartContainer")})
			}
			return items
		},
		"Container.livenessProbe":        probe,
		"Container.readinessProbe":       probe,
		"Container.startupProbe":         probe,
		"Probe.initialDelaySeconds":      between(0, 60),
		"Probe.timeoutSeconds":           between(0, 60),
		"Probe.periodSeconds":            between(0, 60),
		"Probe.successThreshold":         between(0, 5),
		"Probe.failureThreshold":         between(0, 9),
		"ExecAction.command":             words,
		"Container.command":              words,
		"Container.args":                 words,
		"HTTPGetAction.path":             path,
		"HTTPGetAction.port":             portOrName(portNames),
		"TCPSocketAction.port":           portOrName(portNames),
		"HTTPGetAction.host":             freshName("host-"),
		"TCPSocketAction.host":           freshName("host-"),
		"HTTPHeader.name":                freshName("X-Header-"),
		"GRPCAction.port":                between(1, 65535),
		"GRPCAction.service":             oneOf("", "health", "liveness"),
		"SleepAction.seconds":            between(1, 20),
		"Lifecycle.stopSignal":           oneOf("SIGTERM", "SIGUSR1", "SIGINT"),
		"ContainerPort.name":             func(g *generator, _ scope) any { return g.fresh("p") },
		"ContainerPort.containerPort":    between(1, 65535),
		"ContainerPort.hostPort":         between(1, 65535),
		"ContainerPort.hostIP":           func(g *generator, _ scope) any { return ip(g) },
		"EnvVar.name":                    envName,
		"EnvVar.value":                   func(g *generator, sc scope) any { return envValue(g, sc) },
		"EnvFromSource.prefix":           oneOf("", "APP_", "x."),
		"ObjectFieldSelector.apiVersion": always("v1"),
		"ObjectFieldSelector.fieldPath": func(g *generator, sc scope) any {
			if strings.Contains(sc.node.path, ".volumes[]") {
				return g.pick("metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations", "metadata.uid", "metadata.labels['app']")
			}
			return g.pick("metadata.name", "metadata.namespace", "spec.nodeName", "status.podIP", "status.hostIP", "metadata.uid", "metadata.labels['app']", "spec.serviceAccountName", "status.podIPs")
		},
		"EnvVarSource.resourceFieldRef":          resourceField,
		"DownwardAPIVolumeFile.resourceFieldRef": resourceField,
		"ConfigMapKeySelector.key":               freshName("key."),
		"SecretKeySelector.key":                  freshName("key."),
		"FileKeySelector.key":                    func(g *generator, _ scope) any { return strings.ToUpper(g.fresh("KEY_")) },
		"FileKeySelector.path":                   relative,
		"FileKeySelector.volumeName":             nameOf("volumes", func(v map[string]any) bool { return v["emptyDir"] != nil }),
		"EnvVarSource.fileKeyRef": whole(func(g *generator, sc scope, m map[string]any) any {
			if m["volumeName"] == nil {
				return nil
			}
			return m
		}),
		"ResourceRequirements.claims[]": whole(func(g *generator, sc scope, m map[string]any) any {
			if m["name"] == nil {
				return nil
			}
			return m
		}),
		"ResourceClaim.name":            nameOf("resourceClaims", func(map[string]any) bool { return true }),
		"ResourceClaim.request":         freshName("req-"),
		"ResourceRequirements.limits":   resourceList(muchCPU, muchMemory, []string{"ephemeral-storage"}),
		"ResourceRequirements.requests": resourceList(littleCPU, littleMemory, []string{"ephemeral-storage"}),
		"Container.volumeMounts[]": whole(func(g *generator, sc scope, m map[string]any) any {
			if m["name"] == nil {
				return nil
			}
			if m["subPath"] != nil {
				delete(m, "subPathExpr")
			}
			if m["recursiveReadOnly"] != nil && m["recursiveReadOnly"] != "Disabled" {
				m["readOnly"] = true
				delete(m, "mountPropagation")
			}
			return m
		}),
		"VolumeMount.name":               nameOf("volumes", func(v map[string]any) bool { return !block(v) }),
		"VolumeMount.mountPath":          path,
		"VolumeMount.subPath":            relative,
		"VolumeMount.subPathExpr":        func(g *generator, _ scope) any { return "$(HOME)/" + g.fresh("s") },
		"VolumeMount.recursiveReadOnly":  oneOf("Disabled", "IfPossible", "Enabled"),
		"VolumeMount.bindMountOptions[]": oneOf("noexec", "nodev", "nosuid"),
		"Container.volumeDevices[]": whole(func(g *generator, sc scope, m map[string]any) any {
			if m["name"] == nil {
				return nil
			}
			return m
		}),
		"VolumeDevice.name":       nameOf("volumes", block),
		"VolumeDevice.devicePath": needsPrefix("/dev/"),

		// Volumes.
		"Volume.name":                                         freshName("v-"),
		"HostPathVolumeSource.path":                           path,
		"HostPathVolumeSource.type":                           oneOf("", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"),
		"EmptyDirVolumeSource.medium":                         oneOf("", "Memory", "HugePages", "HugePages-2Mi"),
		"EmptyDirVolumeSource.sizeLimit":                      amounts("1Gi", "0.5", "0.5m", "1024Mi", "1e9", "1.5Gi", "100M"),
		"GCEPersistentDiskVolumeSource.pdName":                freshName("pd-"),
		"GCEPersistentDiskVolumeSource.partition":             between(0, 255),
		"AWSElasticBlockStoreVolumeSource.volumeID":           freshName("vol-"),
		"AWSElasticBlockStoreVolumeSource.partition":          between(0, 255),
		"GitRepoVolumeSource.repository":                      needsPrefix("https://example.com/"),
		"GitRepoVolumeSource.directory":                       relative,
		"SecretVolumeSource.secretName":                       freshName("secret-"),
		"SecretVolumeSource.defaultMode":                      fileMode,
		"ConfigMapVolumeSource.defaultMode":                   fileMode,
		"DownwardAPIVolumeSource.defaultMode":                 fileMode,
		"ProjectedVolumeSource.defaultMode":                   fileMode,
		"KeyToPath.key":                                       freshName("key."),
		"KeyToPath.path":                                      relative,
		"KeyToPath.mode":                                      fileMode,
		"DownwardAPIVolumeFile.path":                          relative,
		"DownwardAPIVolumeFile.mode":                          fileMode,
		"NFSVolumeSource.server":                              freshName("nfs-"),
		"NFSVolumeSource.path":                                path,
		"ISCSIVolumeSource.targetPortal":                      oneOf("192.0.2.1:3260", "192.0.2.2"),
		"ISCSIVolumeSource.iqn":                               needsPrefix("iqn.2001-04.com.example:storage."),
		"ISCSIVolumeSource.initiatorName":                     needsPrefix("iqn.2001-04.com.example:init."),
		"ISCSIVolumeSource.lun":                               between(0, 255),
		"ISCSIVolumeSource.iscsiInterface":                    freshName("iface"),
		"PodSpec.volumes[]":                                   whole(volume),
		"GlusterfsVolumeSource.endpoints":                     freshName("ep-"),
		"GlusterfsVolumeSource.path":                          path,
		"PersistentVolumeClaimVolumeSource.claimName":         freshName("claim-"),
		"RBDVolumeSource.monitors[]":                          func(g *generator, _ scope) any { return ip(g) },
		"RBDVolumeSource.image":                               freshName("img"),
		"FlexVolumeSource.driver":                             needsPrefix("example.com/"),
		"CinderVolumeSource.volumeID":                         freshName("vol-"),
		"CephFSVolumeSource.monitors[]":                       func(g *generator, _ scope) any { return ip(g) },
		"CephFSVolumeSource.path":                             path,
		"FlockerVolumeSource.datasetName":                     freshName("ds-"),
		"FlockerVolumeSource.datasetUUID":                     freshName("ds-"),
		"SecretReference.name":                                freshName("ref-"),
		"FCVolumeSource.targetWWNs[]":                         wwn,
		"FCVolumeSource.wwids[]":                              wwn,
		"FCVolumeSource.lun":                                  between(0, 255),
		"AzureFileVolumeSource.secretName":                    freshName("secret-"),
		"AzureFileVolumeSource.shareName":                     freshName("share-"),
		"VsphereVirtualDiskVolumeSource.volumePath":           needsPrefix("[datastore] volumes/"),
		"QuobyteVolumeSource.registry":                        oneOf("registry.example.com:7861", "192.0.2.1:7861,192.0.2.2:7861"),
		"QuobyteVolumeSource.volume":                          freshName("vol"),
		"QuobyteVolumeSource.tenant":                          freshName("tenant"),
		"PhotonPersistentDiskVolumeSource.pdID":               freshName("pd-"),
		"PortworxVolumeSource.volumeID":                       freshName("vol-"),
		"ScaleIOVolumeSource.gateway":                         needsPrefix("https://gateway.example.com/"),
		"ScaleIOVolumeSource.system":                          freshName("system"),
		"ScaleIOVolumeSource.volumeName":                      freshName("vol"),
		"StorageOSVolumeSource.volumeName":                    freshName("vol-"),
		"StorageOSVolumeSource.volumeNamespace":               freshName("ns-"),
		"CSIVolumeSource.driver":                              needsPrefix("csi.example."),
		"ImageVolumeSource.reference":                         image,
		"ServiceAccountTokenProjection.expirationSeconds":     between(600, 7200),
		"ServiceAccountTokenProjection.path":                  relative,
		"ServiceAccountTokenProjection.audience":              freshName("aud"),
		"PersistentVolumeClaimSpec.accessModes":               accessModes,
		"PersistentVolumeClaimSpec.resources":                 claimResources,
		"PersistentVolumeClaimSpec.storageClassName":          func(g *generator, _ scope) any { return g.pick("", g.fresh("class-")) },
		"PersistentVolumeClaimSpec.volumeName":                freshName("pv-"),
		"PersistentVolumeClaimSpec.volumeAttributesClassName": freshName("vac-"),
		"PersistentVolumeClaimSpec.dataSource":                func(g *generator, _ scope) any { return dataSource(g) },
		"PersistentVolumeClaimSpec.dataSourceRef":             func(g *generator, _ scope) any { return dataSource(g) },
		"EphemeralVolumeSource.volumeClaimTemplate":           claimTemplate,
		"AzureDiskVolumeSource.kind":                          oneOf("Shared", "Dedicated", "Managed"),
		"AzureDiskVolumeSource.diskName":                      freshName("disk"),
		"AzureDiskVolumeSource.diskURI":                       needsPrefix("https://blob.example.com/"),
		"AzureDiskVolumeSource.cachingMode":                   oneOf("None", "ReadOnly", "ReadWrite"),
		"Volume.azureDisk":                                    whole(azureDisk),
		"VolumeSource.azureDisk":                              whole(azureDisk),
		"VolumeSource.iscsi":                                  whole(iscsi),
		"ProjectedVolumeSource.sources":                       nonEmptyList,
		"VolumeProjection.clusterTrustBundle": whole(func(g *generator, sc scope, m map[string]any) any {
			if m["signerName"] != nil {
				delete(m, "name")
			} else {
				m["name"] = g.fresh("ctb-")
				delete(m, "labelSelector")
			}
			return m
		}),
		"VolumeProjection.podCertificate": whole(func(g *generator, sc scope, m map[string]any) any {
			if m["credentialBundlePath"] == nil && m["keyPath"] == nil {
				m["credentialBundlePath"] = g.fresh("bundle")
			}
			return m
		}),
		"ClusterTrustBundleProjection.signerName":       needsPrefix("example.com/"),
		"ClusterTrustBundleProjection.name":             freshName("ctb-"),
		"ClusterTrustBundleProjection.path":             relative,
		"PodCertificateProjection.signerName":           needsPrefix("example.com/"),
		"PodCertificateProjection.keyType":              oneOf("ED25519", "RSA3072"),
		"PodCertificateProjection.keyPath":              relative,
		"PodCertificateProjection.certificateChainPath": relative,
		"PodCertificateProjection.credentialBundlePath": relative,
		"PodCertificateProjection.maxExpirationSeconds": between(3600, 86400),
		"ConfigMapProjection.items[]":                   whole(func(_ *generator, _ scope, m map[string]any) any { return m }),

		// Service: one maker for the whole, its fields depend too much on its type.
		"Service.spec":                           serviceSpec,
		"ServiceSpec.type":                       oneOf("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
		"ServiceSpec.selector{}":                 labelValue,
		"ServiceSpec.externalIPs[]":              func(g *generator, _ scope) any { return ip(g) },
		"ServiceSpec.loadBalancerIP":             func(g *generator, _ scope) any { return ip(g) },
		"ServiceSpec.loadBalancerSourceRanges[]": func(g *generator, _ scope) any { return fmt.Sprintf("198.51.%d.0/24", g.IntN(256)) },
		"ServiceSpec.externalName":               needsPrefix("ext.example."),
		"ServiceSpec.clusterIP":                  func(g *generator, _ scope) any { return g.clusterIP() },
		"ServiceSpec.healthCheckNodePort":        func(g *generator, _ scope) any { return g.nodePort() },
		"ServiceSpec.loadBalancerClass":          needsPrefix("example.com/lb-"),
		"ServiceSpec.trafficDistribution":        oneOf("PreferClose", "PreferSameZone", "PreferSameNode"),
		"ServiceSpec.ipFamilyPolicy":             oneOf("SingleStack", "PreferDualStack"),
		"ServiceSpec.ipFamilies":                 always([]any{"IPv4"}),
		"ServicePort.name":                       freshName("p"),
		"ServicePort.port":                       between(1, 65535),
		"ServicePort.nodePort":                   func(g *generator, _ scope) any { return g.nodePort() },
		"ServicePort.appProtocol":                oneOf("http", "kubernetes.io/h2c", "example.com/custom"),
		"ServicePort.protocol":                   oneOf("TCP", "UDP", "SCTP"),
		"ServicePort.targetPort":                 portOrName(func(scope) []string { return []string{"web", "admin"} }),
		"ClientIPConfig.timeoutSeconds":          between(1, 86400),
	}
}

var mapKeys = map[string]func(g *generator) string{
	"ConfigMap.data":                           func(g *generator) string { return g.pick("key", "a.b", "on", "007", "UPPER_x") + g.fresh(".") },
	"ConfigMap.binaryData":                     func(g *generator) string { return g.fresh("bin.") },
	"CSIVolumeSource.volumeAttributes":         func(g *generator) string { return g.fresh("attr.") },
	"FlexVolumeSource.options":                 func(g *generator) string { return g.fresh("opt.") },
	"PodCertificateProjection.userAnnotations": func(g *generator) string { return "example.com/" + g.fresh("a") },
}

func binary(g *generator, _ scope) any {
	data := make([]byte, 1+g.IntN(40))
	for i := range data {
		data[i] = byte(g.IntN(256))
	}
	text := base64.StdEncoding.EncodeToString(data)
	if len(text) > 10 && g.chance(0.3) {
		return text[:5] + "\n" + text[5:]
	}
	return text
}

func oneRolling(percents ...string) hint {
	return func(g *generator, _ scope) any {
		if g.chance(0.5) {
			return g.pick(percents...)
		}
		return number(int64(1 + g.IntN(5)))
	}
}

func words(g *generator, _ scope) any {
	var items []any
	for range 1 + g.IntN(4) {
		items = append(items, g.pick("sh", "-c", "--flag=on", "yes", "007", g.text(), g.fresh("w")))
	}
	if items[0] == "" {
		items[0] = "run"
	}
	return items
}

func image(g *generator, _ scope) any {
	repository := g.pick("nginx", "docker.io/library/redis", "localhost:5000/x", "registry.example.com/team/app", "quay.io/a/"+g.fresh("b"))
	return repository + g.pick("", ":latest", ":1.25", ":v"+g.fresh(""), "@sha256:"+strings.Repeat("0a", 32), ":latest@sha256:"+strings.Repeat("b1", 32))
}

func envName(g *generator, sc scope) any {
	if items := asList(sc.container["env"]); g.chance(0.08) && len(items) > 0 {
		// A repeated name is legal; the last one counts.
		return asMap(pickOne(g, items))["name"]
	}
	if g.chance(0.04) {
		return lateName
	}
	return g.pick("", "APP_", "x.") + g.fresh("VAR_")
}

// lateName is a variable that others refer to, whether there is one or not.
const lateName = "LATE"

func envValue(g *generator, sc scope) string {
	if g.chance(0.04) {
		return "at $(" + lateName + ")"
	}
	if g.chance(0.15) {
		for _, item := range asList(sc.container["env"]) {
			return "pre-$(" + asString(asMap(item)["name"]) + ")"
		}
	}
	return g.text()
}

func resourceField(g *generator, sc scope) any {
	resource := g.pick("limits.cpu", "requests.cpu", "limits.memory", "requests.memory", "limits.ephemeral-storage")
	m := map[string]any{"resource": resource}
	if g.chance(0.5) {
		if strings.HasSuffix(resource, "cpu") {
			m["divisor"] = g.quantity("1", "1m", "0.001", "1.0", "0")
		} else {
			m["divisor"] = g.quantity("1", "1Mi", "1k", "1e3", "1.0", "0")
		}
	}
	if strings.Contains(sc.node.path, ".volumes[]") || g.chance(0.2) {
		m["containerName"] = "c-" + g.fresh("x")
	}
	return m
}

func affinityTerm(g *generator, sc scope, m map[string]any) any {
	if m["labelSelector"] == nil {
		delete(m, "matchLabelKeys")
		delete(m, "mismatchLabelKeys")
	}
	return m
}

// containers makes a list with at least so many.
func containers(atLeast int) hint {
	return func(g *generator, sc scope) any {
		var items []any
		for range max(atLeast, g.size()) {
			c := g.structure(sc.node.elem, sc)
			// Names for those that want env entries to refer to each other are
			// known only once the list is there.
			items = append(items, c)
		}
		return items
	}
}

// volumes makes enough of them that mounts have a choice.
func volumes(g *generator, sc scope) any {
	var items []any
	for range 1 + g.IntN(4) {
		items = append(items, g.value(sc.node.elem, sc))
	}
	return items
}

func volume(g *generator, sc scope, m map[string]any) any { return m }

func nonEmptyList(g *generator, sc scope) any { return g.list(sc.node, sc) }

func last(text string) byte { return text[len(text)-1] }

// block says whether a volume can be a raw device. Those are kept apart from
// the mounted ones by their name.
func block(v map[string]any) bool {
	return (v["persistentVolumeClaim"] != nil || v["ephemeral"] != nil) && asString(v["name"]) != "" && last(asString(v["name"])) <= 'm'
}

func azureDisk(g *generator, sc scope, m map[string]any) any {
	if m["kind"] == "Managed" {
		m["diskURI"] = "/subscriptions/" + g.fresh("s")
	}
	return m
}

func iscsi(g *generator, sc scope, m map[string]any) any {
	if (m["chapAuthDiscovery"] == true || m["chapAuthSession"] == true) && m["secretRef"] == nil {
		m["secretRef"] = map[string]any{"name": g.fresh("chap-")}
	}
	return m
}

func accessModes(g *generator, _ scope) any {
	return pickOne(g, [][]any{{"ReadWriteOnce"}, {"ReadOnlyMany"}, {"ReadWriteMany", "ReadOnlyMany"}, {"ReadWriteOncePod"}})
}

func claimResources(g *generator, _ scope) any {
	m := map[string]any{"requests": map[string]any{"storage": g.quantity("1Gi", "1024Mi", "0.5Gi", "1e9", "1.0001Gi", "100M")}}
	if g.chance(0.3) {
		m["limits"] = map[string]any{"storage": g.quantity("2Gi", "2e9", "2.5Gi")}
	}
	return m
}

func dataSource(g *generator) any {
	return map[string]any{"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": g.fresh("snap-")}
}

// claimTemplate leaves out metadata that only belongs to stored objects.
func claimTemplate(g *generator, sc scope) any {
	m := g.structure(sc.node, sc)
	if metadata := asMap(m["metadata"]); metadata != nil {
		kept := map[string]any{}
		for _, key := range []string{"labels", "annotations"} {
			if metadata[key] != nil {
				kept[key] = metadata[key]
			}
		}
		m["metadata"] = kept
	}
	spec := asMap(m["spec"])
	if spec == nil {
		spec = map[string]any{}
		m["spec"] = spec
	}
	if spec["accessModes"] == nil {
		spec["accessModes"] = accessModes(g, sc)
	}
	if spec["resources"] == nil {
		spec["resources"] = claimResources(g, sc)
	}
	if ref := asMap(spec["dataSourceRef"]); ref != nil && spec["dataSource"] == nil && g.chance(0.3) {
		ref["namespace"] = g.fresh("ns-")
	}
	if spec["dataSource"] != nil && spec["dataSourceRef"] != nil {
		if g.chance(0.5) {
			spec["dataSourceRef"] = clone(spec["dataSource"])
		} else {
			delete(spec, "dataSource")
		}
	}
	return m
}
