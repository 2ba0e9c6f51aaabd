{{- /*
What the API server is told to ask the webhook about: {mutating: […], validating: […]}. Governance writes it into the two
configurations, with the authority of its certificate, when it answers (libs/admission/src/tls).
*/}}
{{- define "scc.webhookEntries" -}}
{{- $openshift := include "scc.openshift" . -}}
# SCC admission{{ if $openshift }} beside OpenShift's own: pods of workloads under migration keep to the SCC of their side{{ else }}, the part that writes: it fails open, because the validating part checks what comes out{{ end }}.
mutating:
  - name: pods.scc.poc
    {{- include "scc.hook" (list . "/mutate/pods" "Ignore") | nindent 4 }}
    sideEffects: NoneOnDryRun
    # {{ if $openshift }}A change in the second round would meet no third pass of OpenShift's own plugin{{ else }}Containers that other webhooks inject after us are defaulted, too{{ end }}.
    reinvocationPolicy: {{ ternary "Never" "IfNeeded" (not (empty $openshift)) }}
    rules:
      - apiGroups: ['']
        apiVersions: [v1]
        resources: [pods]
        operations: {{ ternary "[CREATE]" "[CREATE, UPDATE]" (not (empty $openshift)) }}
        scope: Namespaced
      {{- if not $openshift }}
      - apiGroups: ['']
        apiVersions: [v1]
        resources: [pods/ephemeralcontainers, pods/resize]
        operations: [UPDATE]
        scope: Namespaced
      {{- end }}
    {{- include "scc.enforced" . | nindent 4 }}
    {{- include "scc.podConditions" . | nindent 4 }}
  - name: plans.scc.poc
    {{- include "scc.hook" (list . "/mutate/plans" "Ignore") | nindent 4 }}
    sideEffects: None
    reinvocationPolicy: IfNeeded
    rules:
      - apiGroups: [scc.poc]
        apiVersions: [v1]
        resources: [sccmigrationplans]
        operations: [CREATE, UPDATE]
        scope: Namespaced
  - name: campaigns.scc.poc
    {{- include "scc.hook" (list . "/mutate/campaigns" "Ignore") | nindent 4 }}
    sideEffects: None
    reinvocationPolicy: IfNeeded
    rules:
      - apiGroups: [scc.poc]
        apiVersions: [v1]
        resources: [sccmigrationcampaigns]
        operations: [CREATE, UPDATE]
        scope: Cluster

# {{ if $openshift }}OpenShift's own SCC admission decides about pods: here they are only compared with what plans rely on{{ else }}SCC admission, the part that decides. It fails closed, and only where a namespace asked for it{{ end }}.
validating:
  - name: pods.scc.poc
    {{- include "scc.hook" (list . "/validate/pods" (ternary "Ignore" "Fail" (not (empty $openshift)))) | nindent 4 }}
    sideEffects: NoneOnDryRun
    rules:
      - apiGroups: ['']
        apiVersions: [v1]
        resources: [pods]
        operations: [CREATE, UPDATE]
        scope: Namespaced
      - apiGroups: ['']
        apiVersions: [v1]
        resources: [pods/ephemeralcontainers, pods/resize]
        operations: [UPDATE]
        scope: Namespaced
    {{- include "scc.enforced" . | nindent 4 }}
    {{- include "scc.podConditions" . | nindent 4 }}
{{- if not $openshift }}

  - name: exec.scc.poc
    {{- include "scc.hook" (list . "/validate/exec" "Fail") | nindent 4 }}
    sideEffects: None
    rules:
      - apiGroups: ['']
        apiVersions: [v1]
        resources: [pods/exec, pods/attach]
        operations: [CONNECT]
        scope: Namespaced
    {{- include "scc.enforced" . | nindent 4 }}
    matchConditions:
      {{- include "scc.notSystem" . | nindent 6 }}
{{- end }}

  - name: workloads.scc.poc
    {{- include "scc.hook" (list . "/validate/workloads" "Ignore") | nindent 4 }}
    # Who wrote it is noted, for changes that no plan explains.
    sideEffects: NoneOnDryRun
    rules:
      - apiGroups: [apps]
        apiVersions: [v1]
        resources: [deployments, statefulsets, daemonsets, replicasets]
        operations: [CREATE, UPDATE]
        scope: Namespaced
      - apiGroups: [batch]
        apiVersions: [v1]
        resources: [jobs, cronjobs]
        operations: [CREATE, UPDATE]
        scope: Namespaced
      - apiGroups: ['']
        apiVersions: [v1]
        resources: [replicationcontrollers]
        operations: [CREATE, UPDATE]
        scope: Namespaced
      - apiGroups: [apps.openshift.io]
        apiVersions: [v1]
        resources: [deploymentconfigs]
        operations: [CREATE, UPDATE]
        scope: Namespaced
    {{- include "scc.enforced" . | nindent 4 }}
    matchConditions:
      {{- include "scc.notSystem" . | nindent 6 }}
      # Status, scale and what controllers make of a workload are not worth a call.
      - name: its-template-is-new
        expression: 'oldObject == null || object.spec != oldObject.spec'
      - name: not-made-by-a-controller
        expression: '!has(object.metadata.ownerReferences) || !object.metadata.ownerReferences.exists(owner, has(owner.controller) && owner.controller)'

  - name: plans.scc.poc
    {{- include "scc.hook" (list . "/validate/plans" "Fail") | nindent 4 }}
    sideEffects: None
    rules:
      - apiGroups: [scc.poc]
        apiVersions: [v1]
        resources: [sccmigrationplans]
        operations: [CREATE, UPDATE]
        scope: Namespaced
    matchConditions:
      # The engine's finalizer must pass while the webhook is away.
      - name: spec-or-authorship-changes
        expression: >-
          oldObject == null || object.spec != oldObject.spec
          || ['scc.poc/author', 'scc.poc/author-uid', 'scc.poc/author-groups', 'scc.poc/author-extra', 'scc.poc/editors',
              'scc.poc/editor', 'scc.poc/editor-uid', 'scc.poc/editor-groups', 'scc.poc/editor-extra',
              'scc.poc/campaign-name', 'scc.poc/campaign-uid', 'scc.poc/campaign-author']
            .exists(key, object.metadata.?annotations[?key].orValue('') != oldObject.metadata.?annotations[?key].orValue(''))

  - name: campaigns.scc.poc
    {{- include "scc.hook" (list . "/validate/campaigns" "Fail") | nindent 4 }}
    sideEffects: None
    rules:
      - apiGroups: [scc.poc]
        apiVersions: [v1]
        resources: [sccmigrationcampaigns]
        operations: [CREATE, UPDATE]
        scope: Cluster

  - name: grants.scc.poc
    {{- include "scc.hook" (list . "/validate/grants" "Fail") | nindent 4 }}
    sideEffects: None
    rules:
      - apiGroups: [rbac.authorization.k8s.io]
        apiVersions: [v1]
        resources: [rolebindings, roles]
        operations: [CREATE, UPDATE]
        scope: Namespaced
    {{- include "scc.enforced" . | nindent 4 }}
    matchConditions:
      {{- include "scc.notSystem" . | nindent 6 }}

  # Of the whole cluster: without the webhook these must pass, or a cluster could not repair itself.
  - name: cluster-grants.scc.poc
    {{- include "scc.hook" (list . "/validate/grants" "Ignore") | nindent 4 }}
    # Who edited an SCC is noted.
    sideEffects: NoneOnDryRun
    rules:
      - apiGroups: [rbac.authorization.k8s.io]
        apiVersions: [v1]
        resources: [clusterrolebindings, clusterroles]
        operations: [CREATE, UPDATE]
        scope: Cluster
      - apiGroups: [security.openshift.io]
        apiVersions: [v1]
        resources: [securitycontextconstraints]
        operations: [CREATE, UPDATE]
        scope: Cluster
{{- if not $openshift }}

  - name: namespaces.scc.poc
    {{- include "scc.hook" (list . "/validate/namespaces" "Fail") | nindent 4 }}
    sideEffects: None
    rules:
      - apiGroups: ['']
        apiVersions: [v1]
        resources: [namespaces, namespaces/status, namespaces/finalize]
        operations: [UPDATE]
        scope: Cluster
    matchConditions:
      - name: not-a-system-namespace
        expression: "!(object.metadata.name in ['{{ include "scc.exemptNamespaces" . | fromJsonArray | join "', '" }}']) && !object.metadata.name.startsWith('kube-') && !object.metadata.name.startsWith('openshift-')"
      - name: changes-its-admission
        expression: >-
          ['scc.poc/enforce', 'openshift.io/run-level', 'security.openshift.io/disable-securitycontextconstraints']
            .exists(key, object.metadata.?labels[?key].orValue('') != oldObject.metadata.?labels[?key].orValue(''))
          || ['openshift.io/sa.scc.uid-range', 'openshift.io/sa.scc.supplemental-groups', 'openshift.io/sa.scc.mcs']
            .exists(key, object.metadata.?annotations[?key].orValue('') != oldObject.metadata.?annotations[?key].orValue(''))
{{- end }}
{{- end }}
