{{- define "scc.openshift" -}}
{{- if eq .Values.platform "openshift" }}true{{ end -}}
{{- end }}

{{/* Labels of everything; the selector is app.kubernetes.io/name alone, as it was before there was a chart. */}}
{{- define "scc.labels" -}}
app.kubernetes.io/part-of: scc-orchestrator
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{/* Of what outlives an uninstallation, by Helm and by hand. */}}
{{- define "scc.keptLabels" -}}
{{ include "scc.labels" . }}
scc.poc/kept: 'true'
{{- end }}

{{- define "scc.registry" -}}
{{- with .Values.image.registry }}{{ . }}/{{ end -}}
{{- end }}

{{- define "scc.image" -}}
{{- include "scc.registry" . }}{{ with .Values.image }}{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}{{ end -}}
{{- end }}

{{- define "scc.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{/* Admitted by Pod Security `restricted` and by the SCC restricted-v2, which gives a uid of its own and group 0. */}}
{{- define "scc.podSecurity" -}}
runAsNonRoot: true
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "scc.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* Labels or annotations of a Pod with more of them: (list FIELD OWN MORE). A name that stands there twice is refused. */}}
{{- define "scc.withMore" -}}
{{- $own := index . 1 | fromYaml }}
{{- range $name, $value := index . 2 }}
{{- if hasKey $own $name }}
{{- fail (printf "%s.%s: is set by the chart itself; leave it out" (index $ 0) $name) }}
{{- end }}
{{- end }}
{{- merge (dict) $own (index . 2) | toYaml }}
{{- end }}

{{/* (list CONTEXT GROUP NAME), where GROUP is the group of values: governance, worker, watcher or jobs. */}}
{{- define "scc.podLabels" -}}
{{- $own := printf "%s\napp.kubernetes.io/name: scc-%s" (include "scc.labels" (index . 0)) (index . 2) }}
{{- include "scc.withMore" (list (printf "%s.podLabels" (index . 1)) $own (index (index . 0).Values (index . 1)).podLabels) }}
{{- end }}

{{/* (list CONTEXT GROUP OWN), where OWN is YAML. */}}
{{- define "scc.podAnnotations" -}}
{{- $own := index . 2 }}
{{- if include "scc.openshift" (index . 0) }}
{{- $own = printf "%s\nopenshift.io/required-scc: restricted-v2" $own }}
{{- end }}
{{- $more := dict }}
{{- with index . 1 }}{{ $more = (index (index $ 0).Values .).podAnnotations }}{{ end }}
{{- include "scc.withMore" (list (printf "%s.podAnnotations" (index . 1)) $own $more) }}
{{- end }}

{{/* (list CONTEXT GROUP): what the group of values says, and for the rest the values of all Pods. */}}
{{- define "scc.scheduling" -}}
{{- $own := dict }}
{{- with index . 1 }}{{ $own = (index (index $ 0).Values .).scheduling }}{{ end }}
{{- $all := (index . 0).Values.scheduling }}
{{- with $own.nodeSelector | default $all.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations | default $all.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.affinity | default $all.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.priorityClassName | default $all.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "scc.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector: { matchLabels: { app.kubernetes.io/name: scc-{{ . }} } }
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector: { matchLabels: { app.kubernetes.io/name: scc-{{ . }} } }
{{- end }}

{{- define "scc.probes" -}}
startupProbe:
  httpGet: { path: /livez, port: health }
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /livez, port: health }
  periodSeconds: 10
  timeoutSeconds: 6
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: health }
  periodSeconds: 2
  timeoutSeconds: 6
  failureThreshold: 2
{{- end }}

{{/* A token of the Pod's own ServiceAccount for the API server, renewed by the kubelet. */}}
{{- define "scc.kubernetesToken" -}}
- name: kubernetes
  projected:
    defaultMode: 0444
    sources:
      - serviceAccountToken: { path: token, expirationSeconds: 3607 }
      - configMap: { name: kube-root-ca.crt, items: [{ key: ca.crt, path: ca.crt }] }
      - downwardAPI: { items: [{ path: namespace, fieldRef: { fieldPath: metadata.namespace } }] }
{{- end }}

{{- define "scc.kubernetesTokenMount" -}}
- { name: kubernetes, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true }
{{- end }}

{{- define "scc.tmp" -}}
- name: tmp
  emptyDir: { sizeLimit: 64Mi }
{{- end }}

{{- define "scc.commonEnv" -}}
- { name: HEALTH_HOST, value: 0.0.0.0 }
- { name: HEALTH_PORT, value: '9100' }
{{- end }}

{{- define "scc.temporalEnv" -}}
- { name: TEMPORAL_ADDRESS, value: {{ include "scc.temporalAddress" . | quote }} }
- { name: TEMPORAL_NAMESPACE, value: {{ .Values.temporal.namespace | quote }} }
{{- if ne .Values.temporal.tls "auto" }}
- { name: TEMPORAL_TLS, value: {{ eq .Values.temporal.tls "always" | quote }} }
{{- end }}
{{- if .Values.temporal.caSecretName }}
- { name: TEMPORAL_TLS_CA_FILE, value: /etc/scc/temporal/ca.crt }
{{- end }}
{{- if .Values.temporal.clientSecretName }}
- { name: TEMPORAL_TLS_CERT_FILE, value: /etc/scc/temporal/tls.crt }
- { name: TEMPORAL_TLS_KEY_FILE, value: /etc/scc/temporal/tls.key }
{{- end }}
{{- with .Values.temporal.serverName }}
- { name: TEMPORAL_TLS_SERVER_NAME, value: {{ . | quote }} }
{{- end }}
{{- if .Values.temporal.apiKeySecretName }}
- { name: TEMPORAL_API_KEY_FILE, value: /etc/scc/temporal/api-key }
{{- end }}
{{- end }}

{{- define "scc.tracingEnv" -}}
{{- with .Values.tracing }}
{{- if .endpoint }}
- { name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .endpoint | quote }} }
- { name: OTEL_TRACES_SAMPLER, value: parentbased_traceidratio }
- { name: OTEL_TRACES_SAMPLER_ARG, value: {{ divf .samplePercent 100 | quote }} }
{{- if .headersSecretName }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom: { secretKeyRef: { name: {{ .headersSecretName }}, key: headers } }
{{- end }}
{{- if .caSecretName }}
- { name: OTEL_EXPORTER_OTLP_CERTIFICATE, value: /etc/scc/tracing/ca.crt }
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "scc.tracingFiles" -}}
{{- with .Values.tracing }}{{ dict "volume" "tracing" "files" (list (list .caSecretName "ca.crt")) | toJson }}{{ end -}}
{{- end }}

{{/* The port in the address of the collector, or that of its scheme. */}}
{{- define "scc.tracingPort" -}}
{{- $url := urlParse .Values.tracing.endpoint }}
{{- regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "443" "80" (eq $url.scheme "https")) }}
{{- end }}

{{- define "scc.taskQueueEnv" -}}
- { name: TEMPORAL_TASK_QUEUE, value: {{ .Values.temporal.taskQueue | quote }} }
{{- end }}

{{/* A folder of files from several Secrets: (dict "volume" NAME "files" (list (list SECRET KEY …) …)). Secrets without a name are left out. */}}
{{- define "scc.secretFiles" -}}
{{- $sources := list }}
{{- range .files }}
{{- if first . }}
{{- $items := list }}
{{- range rest . }}{{ $items = append $items (dict "key" . "path" .) }}{{ end }}
{{- $sources = append $sources (dict "secret" (dict "name" (first .) "items" $items)) }}
{{- end }}
{{- end }}
{{- if $sources }}
- name: {{ .volume }}
  projected:
    defaultMode: 0440
    sources: {{- toYaml $sources | nindent 6 }}
{{- end }}
{{- end }}

{{- define "scc.secretFilesMount" -}}
{{- if include "scc.secretFiles" . }}
- { name: {{ .volume }}, mountPath: /etc/scc/{{ .volume }}, readOnly: true }
{{- end }}
{{- end }}

{{- define "scc.temporalFiles" -}}
{{- with .Values.temporal }}{{ dict "volume" "temporal" "files" (list (list .caSecretName "ca.crt") (list .clientSecretName "tls.crt" "tls.key") (list .apiKeySecretName "api-key")) | toJson }}{{ end -}}
{{- end }}

{{- define "scc.temporalVolume" -}}
{{- include "scc.secretFiles" (include "scc.temporalFiles" . | fromJson) }}
{{- end }}

{{- define "scc.temporalMount" -}}
{{- include "scc.secretFilesMount" (include "scc.temporalFiles" . | fromJson) }}
{{- end }}

{{- define "scc.prometheusFiles" -}}
{{- with .Values.mesh }}{{ dict "volume" "prometheus" "files" (list (list .prometheusTokenSecretName "token") (list .prometheusCaSecretName "ca.crt")) | toJson }}{{ end -}}
{{- end }}

{{- define "scc.webhookGateFiles" -}}
{{- dict "volume" "webhook-gates" "files" (list (list .Values.webhookGates.caSecretName "ca.crt")) | toJson -}}
{{- end }}

{{/* What gates ask: metrics, and hosts of the installation's choice. */}}
{{- define "scc.gateEnv" -}}
{{- with .Values.mesh }}
{{- with .prometheusUrl }}
- { name: PROMETHEUS_URL, value: {{ . | quote }} }
{{- end }}
- { name: PROMETHEUS_FLAVOUR, value: {{ .prometheusFlavour }} }
{{- if .prometheusTokenSecretName }}
- { name: PROMETHEUS_TOKEN_FILE, value: /etc/scc/prometheus/token }
{{- end }}
{{- if .prometheusCaSecretName }}
- { name: PROMETHEUS_CA_FILE, value: /etc/scc/prometheus/ca.crt }
{{- end }}
{{- with .prometheusHeaders }}
{{- $headers := list }}
{{- range $name, $value := . }}{{ $headers = append $headers (printf "%s=%s" $name $value) }}{{ end }}
- { name: PROMETHEUS_HEADERS, value: {{ join "," $headers | quote }} }
{{- end }}
{{- with .prometheusNamespaceParameter }}
- { name: PROMETHEUS_NAMESPACE_PARAMETER, value: {{ . | quote }} }
{{- end }}
- { name: PROMETHEUS_PLAN_QUERIES, value: {{ .prometheusPlanQueries }} }
{{- end }}
{{- with .Values.webhookGates }}
{{- with .hosts }}
- { name: WEBHOOK_GATE_HOSTS, value: {{ join "," . | quote }} }
{{- end }}
{{- with .networks }}
- { name: WEBHOOK_GATE_NETWORKS, value: {{ join "," . | quote }} }
{{- end }}
{{- if .caSecretName }}
- { name: WEBHOOK_GATE_CA_FILE, value: /etc/scc/webhook-gates/ca.crt }
{{- end }}
{{- end }}
{{- end }}

{{- define "scc.temporalAddress" -}}
{{- if .Values.temporal.address }}{{ .Values.temporal.address }}
{{- else if .Values.tryout }}scc-tryout-temporal.{{ .Release.Namespace }}.svc:7233
{{- else }}{{ fail "temporal.address: is empty; set it to host:port of your Temporal frontend, or tryout=true to try with an embedded one" }}
{{- end }}
{{- end }}

{{- define "scc.databaseSecret" -}}
{{- if .Values.database.secretName }}{{ .Values.database.secretName }}
{{- else if .Values.tryout }}scc-tryout-database
{{- else }}{{ fail "database.secretName: is empty; set it to a Secret with the key url, or tryout=true to try with an embedded PostgreSQL" }}
{{- end }}
{{- end }}

{{- define "scc.databaseOwnerSecret" -}}
{{- if .Values.database.ownerSecretName }}{{ .Values.database.ownerSecretName }}
{{- else if and .Values.tryout (not .Values.database.secretName) }}scc-tryout-database-owner
{{- end }}
{{- end }}

{{/* More variables of a process: (list PROCESS VARIABLES OWN-ENV). A name that stands there twice is refused by the API server. */}}
{{- define "scc.extraEnv" -}}
{{- $own := list }}
{{- range index . 2 | fromYamlArray }}{{ $own = append $own .name }}{{ end }}
{{- $process := index . 0 }}
{{- range $name, $value := index . 1 }}
{{- if has $name $own }}
{{- fail (printf "%s.env.%s: is set by the chart itself; leave it out, and look for the value that it is made of" $process $name) }}
{{- end }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end }}

{{- define "scc.networkDefaults" -}}
{{- $openshift := include "scc.openshift" . }}
{{- $policies := .Values.networkPolicies }}
dnsNamespace: {{ $policies.dnsNamespace | default (ternary "openshift-dns" "kube-system" (not (empty $openshift))) }}
dnsPort: {{ $policies.dnsPort | default (ternary 5353 53 (not (empty $openshift))) }}
prometheusPort: {{ $policies.prometheusPort | default (ternary 9091 9090 (not (empty $openshift))) }}
monitoring: {{ $policies.monitoringNamespaces | default (ternary (list "openshift-monitoring" "openshift-user-workload-monitoring") (list "monitoring") (not (empty $openshift))) | toJson }}
ingress: {{ $policies.ingressNamespaces | default (ternary (list "istio-ingress" "openshift-ingress") (list "istio-ingress") (not (empty $openshift))) | toJson }}
podNetworks: {{ $policies.podNetworks | default (ternary (list "10.128.0.0/14") (list "10.244.0.0/16") (not (empty $openshift))) | toJson }}
{{- end }}

{{/* Namespaces that the webhook is never asked about. */}}
{{- define "scc.exemptNamespaces" -}}
{{- concat (list "default" "kube-system" "kube-public" "kube-node-lease" .Release.Namespace "istio-system" "istio-ingress" "temporal") .Values.webhook.exemptNamespaces | uniq | toJson }}
{{- end }}

{{/* Names in the certificates of the API and the webhook. */}}
{{- define "scc.certificateNames" -}}
{{- $names := list }}
{{- range $service := list "governance-webhook" "governance" }}
{{- $names = concat $names (list (printf "%s.%s.svc" $service $.Release.Namespace) (printf "%s.%s.svc.%s" $service $.Release.Namespace $.Values.clusterDomain)) }}
{{- end }}
{{- $names | toJson }}
{{- end }}

{{/* What all hooks share: (list CONTEXT PATH FAILURE-POLICY). */}}
{{- define "scc.hook" -}}
clientConfig: { service: { name: governance-webhook, namespace: {{ (index . 0).Release.Namespace }}, path: {{ index . 1 }}, port: 443 } }
admissionReviewVersions: [v1]
failurePolicy: {{ index . 2 }}
matchPolicy: Equivalent
timeoutSeconds: 3
{{- end }}

{{/* Namespaces that asked for it, and never the system's or our own. */}}
{{- define "scc.enforced" -}}
namespaceSelector:
  matchExpressions:
    - { key: scc.poc/enforce, operator: In, values: ['true'] }
    - key: kubernetes.io/metadata.name
      operator: NotIn
      values: {{ include "scc.exemptNamespaces" . }}
{{- end }}

{{/* The names of the system's namespaces are not all known; a selector cannot say how they begin. */}}
{{- define "scc.notSystem" -}}
- name: not-of-a-system-namespace
  expression: "!request.namespace.startsWith('kube-') && !request.namespace.startsWith('openshift-')"
{{- end }}

{{- define "scc.podConditions" -}}
matchConditions:
  {{- include "scc.notSystem" . | nindent 2 }}
  - name: not-by-a-node
    expression: "!has(request.userInfo.groups) || !('system:nodes' in request.userInfo.groups)"
{{- end }}

{{/* The names of the SCCs that OpenShift brings. */}}
{{- define "scc.defaultSccNames" -}}
{{- $names := list }}
{{- range regexSplit "(?m)^---$" (.Files.Get "files/sccs/default-sccs.yaml") -1 }}
{{- $names = append $names (. | fromYaml).metadata.name }}
{{- end }}
{{- toJson $names }}
{{- end }}

{{/* The ClusterRoles that the worker may bind: of the SCCs in worker.sccs, or of all that OpenShift brings. */}}
{{- define "scc.grantable" -}}
{{- $roles := list }}
{{- range .Values.worker.sccs | default (include "scc.defaultSccNames" . | fromJsonArray) }}
{{- $roles = append $roles (printf "system:openshift:scc:%s" .) }}
{{- end }}
{{- toJson $roles }}
{{- end }}

{{/*
The end of a Job's name: (list CONTEXT SPEC). A Job cannot be changed: each revision has its own, and so has each content,
where others than Helm apply it and no revision is counted.
*/}}
{{- define "scc.revision" -}}
{{- (index . 0).Release.Revision }}-{{ index . 1 | sha256sum | trunc 8 }}
{{- end }}

{{/* Where calls of the API server come from: its addresses where they are known, else all that is no pod. */}}
{{- define "scc.fromApiServers" -}}
{{- $policies := .Values.networkPolicies }}
{{- $net := include "scc.networkDefaults" . | fromYaml }}
{{- if $policies.apiServers }}
{{- range $policies.apiServers }}
- ipBlock: { cidr: {{ . }} }
{{- end }}
{{- else }}
{{- $v4 := list }}{{ $v6 := list }}
{{- range $net.podNetworks }}
{{- if contains ":" . }}{{ $v6 = append $v6 . }}{{ else }}{{ $v4 = append $v4 . }}{{ end }}
{{- end }}
- ipBlock: { cidr: 0.0.0.0/0{{ with $v4 }}, except: {{ toJson . }}{{ end }} }
- ipBlock: { cidr: '::/0'{{ with $v6 }}, except: {{ toJson . }}{{ end }} }
{{- end }}
{{- if include "scc.openshift" . }}
# OVN shows hosts with an address of the Pods' network, and knows them by this label; the operator of the API server tries
# whether the webhook can be reached.
- namespaceSelector: { matchLabels: { policy-group.network.openshift.io/host-network: '' } }
- namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: openshift-kube-apiserver-operator } }
  podSelector: { matchLabels: { app: kube-apiserver-operator } }
{{- else }}
# Where the control plane reaches the cluster through a tunnel, its calls come from the tunnel's pods.
- namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: kube-system } }
  podSelector: { matchLabels: { k8s-app: konnectivity-agent } }
{{- end }}
{{- end }}
