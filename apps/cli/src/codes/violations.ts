import { DATA_VIOLATIONS } from './data.js';
import { FORM_VIOLATIONS } from './form.js';
import type { CodeTexts } from './text.js';

/** The violations of plans, in the order in which a plan meets them. */
export const VIOLATIONS = {
  ...FORM_VIOLATIONS,
  AuthorIsFixed: {
    cause: 'a client wrote the annotations in which admission records who wrote the plan',
    remedy: 'leave these annotations as they are',
  },
  AuthorCannotBeRecorded: {
    cause: 'a name of the user, a group or an extra holds a character by which the record would name another user',
    remedy: 'use another account, or have the administrator of the issuer rename what the message names',
  },
  AuthorUnknown: {
    cause: 'admission did not record who wrote the plan, so their rights cannot be asked for',
    remedy:
      'check with `sccctl webhook doctor` that the webhook for plans is installed, delete the plan and create it again',
  },
  AuthorRecordOld: {
    cause: 'the author was recorded more than 7 days ago, and their rights may have changed since',
    remedy: 'delete the plan and create it again',
  },
  AuthorLacksRight: {
    cause: 'the plan does something that its author may not do by hand',
    remedy:
      'let a user who may do it apply the plan, have the right granted, or set `approval.borrow` so that an approver can lend it',
  },
  LenderLacksRight: {
    cause: 'an approver wants to lend a right that they do not hold',
    remedy: 'let an approver who holds it lend it, or have it granted',
  },
  TooManyEditors: {
    cause: 'more than 100 people edited the plan, and the rights of each would have to be asked for',
    remedy: 'delete the plan and create it again',
  },
  SystemNamespace: {
    cause: 'the namespace belongs to the cluster or to this product',
    remedy: 'move the workload to a namespace of its own, or change it by hand',
  },
  CannotLook: {
    cause: 'the API server or governance refused to show facts that the checks need',
    remedy: 'give the worker the right that the message names, or install the missing API, and apply the plan again',
  },
  WorkloadNotFound: {
    cause: 'the namespace of the plan has no such workload',
    remedy: "name a Deployment, a StatefulSet, a DaemonSet or a CronJob of the plan's namespace",
  },
  SCCNotFound: {
    cause: 'the cluster has no SCC of this name',
    remedy: 'name an SCC of the cluster: `kubectl get securitycontextconstraints`',
  },
  SCCInvalid: {
    cause: 'the target SCC has a value that SCC admission cannot use',
    remedy: 'repair the SCC: the message says which value is wrong',
  },
  ServiceAccountNotFound: {
    cause: 'the ServiceAccount of the workload or of the plan does not exist',
    remedy: 'create it, or name another one',
  },
  SourceIsAnother: {
    cause: 'the pods do not run under the `sourceSCC` of the plan',
    remedy: 'correct `sourceSCC` or leave it out',
  },
  AlreadyMigrated: {
    cause: 'every pod runs under the target already, and the template asks for it',
    remedy: 'delete the plan: nothing is left to do',
  },
  WorkloadPaused: {
    cause: 'the Deployment is paused, so a change would never be rolled out',
    remedy: 'resume it: `kubectl rollout resume`',
  },
  NoReplicas: {
    cause: 'the plan asks for a canary, and the workload has no replicas whose requests it could take over',
    remedy: 'scale it up first, or leave `strategy` out, so that its template changes and its first pods are watched',
  },
  SourceNotReady: {
    cause: 'the workload is not fully available before the migration',
    remedy: 'repair it first, or annotate the plan `scc.poc/allow-unready-source: "true"`',
  },
  WorkloadIsOwned: {
    cause: 'a controller or OLM owns the workload and would take the change back',
    remedy: 'change the template in its owner',
  },
  DeliveredFromSource: {
    cause: 'Argo CD, Flux or Helm delivers the workload and would take the change back',
    remedy: 'bring the shown patch into its source and set `gitops: PatchFirst`, or set `gitops: IKnow`',
  },
  NoService: {
    cause: 'the plan asks for a canary, and no Service picks the pods, so there are no requests to divide',
    remedy: 'leave `strategy` out, so that its own pods change (Rolling), or create its Service',
  },
  SharedService: {
    cause: 'a Service of the workload leads to other pods too, whose share the canary would take',
    remedy: 'let the Service select the pods of this workload only, for the time of the migration',
  },
  NoSharedLabel: {
    cause: 'no label is both in the selector of the workload and in that of each of its Services',
    remedy: "add one label of the workload's selector to the selector of each of its Services",
  },
  NameTaken: {
    cause: 'an object has the name that the canary needs and is not of this plan',
    remedy: 'remove or rename the object',
  },
  VolumeCannotBeShared: {
    cause: 'the plan asks for a canary, and the pods mount a claim that a canary beside them could not share',
    remedy:
      'leave `strategy` out, so that its own pods change (Rolling), or use a claim that several pods may mount (ReadWriteMany)',
  },
  VolumeRelabelled: {
    cause: 'the canary would relabel a shared volume for another SELinux level, and the pods that serve would lose it',
    remedy: 'keep the SELinux level, use storage that does not relabel, or accept the claim by `traffic.accept`',
  },
  ...DATA_VIOLATIONS,
  NamespaceExempt: {
    cause: 'pods of the namespace are admitted without any SCC',
    remedy: 'move the workload to a namespace of its own, or take the label away that exempts this one',
  },
  AmbientNotDivided: {
    cause: "the pods are in Istio's ambient mesh, or a waypoint serves them: ztunnels and waypoints are not divided",
    remedy: 'use sidecars for the time of the migration, or accept the namespace by `traffic.accept`',
  },
  AutoscalerIsManaged: {
    cause: 'a controller, such as KEDA, would write the raised minimum of an autoscaler back',
    remedy: 'set the minimum in its owner to the current number of pods for the time of the migration',
  },
  PartitionInUse: {
    cause: 'the StatefulSet has a partition: a change is being rolled out in stages already',
    remedy: 'finish that, and set its partition to 0',
  },
  ReadinessTooShort: {
    cause: 'pods of the workload count as available later (`minReadySeconds`) than the plan waits for them',
    remedy: 'set `gates.readiness.timeout` longer than that and what a pod takes to start',
  },
  RunsNotKept: {
    cause: 'the runs of the CronJob are removed as soon as they have ended, so that nothing shows how they ended',
    remedy: 'set its history limits to 1 or more, and `ttlSecondsAfterFinished` to 60 or more',
  },
  QuotaTooSmall: {
    cause: 'a ResourceQuota has no room for the canary beside the workload',
    remedy: 'raise the quota for the time of the migration, or let the canary be smaller (`canary.replicas`)',
  },
  QuotaUnanswered: {
    cause:
      'a ResourceQuota counts CPU or memory of which a container of the workload says nothing: new pods are refused',
    remedy: 'give the container a request or a limit, or the namespace a LimitRange with defaults for containers',
  },
  ChangeTakenBack: {
    cause: 'a mutating webhook of the cluster writes a field of the pod template otherwise than the migration',
    remedy: 'exempt the workload from that webhook, or set the field as it does by `podSecurity.patch`',
  },
  CapacityTooSmall: {
    cause: 'the nodes that take the pods have no room for the canary beside what runs',
    remedy: 'add nodes for the time of the migration, or let the canary be smaller (`canary.replicas`)',
  },
  OutsideLimitRange: {
    cause: 'a LimitRange refuses new pods with the resources of the workload',
    remedy: 'change the resources of the workload, or the LimitRange',
  },
  PatchInvalid: {
    cause: '`podSecurity.patch` is not a strategic-merge patch of a pod template',
    remedy: 'write it as {spec: {securityContext: {…}}}',
  },
  PatchRequired: {
    cause: '`mode: Require`, and the target admits the template only after a change',
    remedy: 'make the shown patch yourself, or set `mode: Apply`',
  },
  TemplateTooLarge: {
    cause: 'the pod template has too many containers, or no patch of it was found in time',
    remedy: 'split the workload, make the template smaller, or write the patch yourself',
  },
  NotAdmitted: {
    cause: 'no change of a field makes the target admit the template',
    remedy: 'use another volume, or choose another SCC: `sccctl recommend` lists those that fit',
  },
  WouldNotWork: {
    cause: 'the known facts prove that the migrated pods would fail',
    remedy: 'do first what the remedy of the violation names',
  },
  PodSecurityForbids: {
    cause: "the namespace's Pod Security label refuses the migrated pods",
    remedy: 'choose a stricter SCC, change the template, or raise the label of the namespace',
  },
  BlocksOthers: {
    cause: "without the old grant the namespace's synced Pod Security label would fall and stop other workloads",
    remedy: 'keep the grant (`grants.source: Keep`), or give the others grants of their own',
  },
  WayNotDivided: {
    cause: 'requests reach the workload by a way that nothing divides',
    remedy: 'lead it through the mesh, or accept it by `traffic.accept`',
  },
  RouteCanNotBeDivided: {
    cause: 'a route of the Gateway API or of OpenShift cannot be divided; the message says why',
    remedy: 'change the route or accept it by `traffic.accept`',
  },
  NodeLocalService: {
    cause:
      'a Service of the mesh leads callers to pods of their own node alone (`internalTrafficPolicy: Local`), where a canary need not stand',
    remedy: 'set `internalTrafficPolicy` to `Cluster` for the time of the migration',
  },
  PortCanNotBeDivided: {
    cause: 'a port is not routed by a mesh: it is of UDP or SCTP, or its protocol hides the requests',
    remedy: 'name the protocol of the port (`appProtocol`), or accept it by `traffic.accept` where the message says so',
  },
  RoutesCannotBeRead: {
    cause: 'the worker may not read a kind of objects that can send requests to the workload',
    remedy: "give the worker `list` on it, or do without by `traffic.accept` with the name '*'",
  },
  NamespaceHasNotAgreed: {
    cause: 'the migration would write routes of another namespace that has not agreed to it',
    remedy: 'have that namespace labelled `scc.poc/managed: "true"`, or move the routes',
  },
  NotServedByMesh: {
    cause: 'there is no mesh, or no proxy of it has a route to the workload, and no Service that its pods could divide',
    remedy: 'install a mesh, or add the workload or its callers to it, then apply the plan again',
  },
  RouteUnreadable: {
    cause: 'a VirtualService or DestinationRule that may concern the workload cannot be read',
    remedy: 'ask the owner of its namespace to repair or delete it, then apply the plan again',
  },
  ProxiesUnseen: {
    cause: 'istiod does not show the worker what its proxies follow, so no weight could be verified',
    remedy: 'check ISTIOD_DEBUG_URL and ISTIOD_DEBUG_TOKEN_FILE of the worker',
  },
  PolicyNotCopied: {
    cause: 'an object picks pods of one side alone and is not copied for the canary',
    remedy: 'let it pick both sides, or accept it by `traffic.accept`',
  },
  PolicyCannotBeRead: {
    cause: 'the worker may not list a kind that can pick pods',
    remedy: "give it the right (`worker.moreKinds` of the chart), or do without by `traffic.accept` with the name '*'",
  },
  PolicyCanNotBeCopied: {
    cause:
      'a policy excludes pods by `NotIn` on the label by which the canary differs, or its copy would be younger than another one that then holds',
    remedy: 'let the policy, or the one that does not hold now, select its pods otherwise',
  },
  WebhookHostNotAllowed: {
    cause: 'a gate calls a host that the installation does not allow',
    remedy: 'have the host added to WEBHOOK_GATE_HOSTS of the worker',
  },
  PrometheusRefuses: {
    cause: 'metric gates cannot be judged: Prometheus refuses, or none is configured',
    remedy: 'check PROMETHEUS_URL, PROMETHEUS_TOKEN_FILE and PROMETHEUS_CA_FILE of the worker',
  },
  PresetNotCounted: {
    cause: "a gate's preset asks for a number that the metrics of the installation do not hold",
    remedy: 'replace it by a query over metrics of the application, or leave the gate away',
  },
  TrialNeedsCanary: {
    cause: 'the plan is a trial, and its workload gets no canary, or the trial is to be watched after its end',
    remedy: 'leave `trial` out, or `bake`',
  },
  TestersNotRouted: {
    cause:
      'a way to the workload cannot tell the requests of `traffic.testers` from others: a Route of OpenShift, a plain Service, a port that is not HTTP, or a rule that looks at the same header or has no room for another beside it',
    remedy: 'leave `traffic.testers` out, or choose another header',
  },
  AffinityNotRouted: {
    cause:
      'a way to the workload cannot keep clients at the canary by the cookie of `traffic.affinity`: a GRPCRoute, a Route of OpenShift, which holds its clients itself, a plain Service, a port that is not HTTP, a gateway that is not of Istio, or a rule that looks at cookies, changes `Set-Cookie` or has no room for another beside it',
    remedy: 'leave `traffic.affinity` out',
  },
  JobTemplateNotFound: {
    cause: 'the namespace has no CronJob or Job of the name that a gate of `gates.jobs` takes its template from',
    remedy: 'create it (it may be suspended), or name another one',
  },
  JobWouldServe: {
    cause: 'a Service picks the pods that the Job of a gate would have, so that they would get its requests',
    remedy: 'take the labels that the Service selects by out of the pod template of the CronJob or Job',
  },
  ExpressionRefused: {
    cause: "the expression of a gate's `web` source can be evaluated on no answer",
    remedy: 'correct it: CEL over `body` and `status` that yields a number',
  },
  QueryRefused: {
    cause: "Prometheus does not understand a gate's own query",
    remedy: 'try the query in Prometheus and correct it',
  },
  QueryNotConfined: {
    cause: "a gate's own query could see other namespaces",
    remedy: 'use a preset, or set PROMETHEUS_NAMESPACE_PARAMETER or PROMETHEUS_PLAN_QUERIES=any of the worker',
  },
  ApprovalRefused: {
    cause: 'a person who was asked to approve the plan refused it',
    remedy: 'talk to them: the message has their reason; then apply a new plan',
  },
  PolicyFailed: {
    cause: 'the expression of a policy cannot be evaluated for this plan, and what it cannot judge is refused',
    remedy: 'correct the expression of the policy and bind its new version, or ask an admin to unbind it',
  },
} satisfies CodeTexts;
