/**
 * The CustomResourceDefinition of `security.openshift.io/v1` SecurityContextConstraints for clusters that have none.
 * Structural, and compatible with OpenShift's: what its API accepts is accepted and no field is pruned. Strategy types
 * are free strings there, too; `validateSCC` judges them.
 */
type Schema = Readonly<Record<string, unknown>>;

const text = (description: string): Schema => ({ type: 'string', description });
const flag = (description: string, nullable = false): Schema => ({
  type: 'boolean',
  description,
  ...(nullable && { nullable }),
});
const integer = (description: string): Schema => ({ type: 'integer', format: 'int64', description });
const list = (description: string): Schema => ({
  type: 'array',
  description,
  nullable: true,
  items: { type: 'string' },
  'x-kubernetes-list-type': 'atomic',
});
const object = (description: string, properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  description,
  nullable: true,
  properties,
});

const groupStrategy = (what: string): Schema =>
  object(`Which ids a pod may use as ${what}.`, {
    type: text('MustRunAs or RunAsAny.'),
    ranges: {
      type: 'array',
      description: 'Accepted ids. The first is the default. Taken from the namespace when empty.',
      items: { type: 'object', properties: { min: integer('Lowest id.'), max: integer('Highest id.') } },
      'x-kubernetes-list-type': 'atomic',
    },
  });

const properties: Readonly<Record<string, Schema>> = {
  apiVersion: text('Version of the schema of this object.'),
  kind: text('Kind of this object.'),
  metadata: { type: 'object' },
  priority: {
    type: 'integer',
    format: 'int32',
    nullable: true,
    description: 'SCCs with a higher priority are tried earlier; null is 0.',
  },
  users: list('Users and ServiceAccounts that may use this SCC without a role.'),
  groups: list('Groups that may use this SCC without a role.'),
  allowPrivilegedContainer: flag('Containers may be privileged.'),
  allowPrivilegeEscalation: flag('Processes may gain more privileges than their parent. Null is true.', true),
  defaultAllowPrivilegeEscalation: flag('Default of allowPrivilegeEscalation for containers that do not set it.', true),
  defaultAddCapabilities: list('Capabilities added to every container that does not drop them.'),
  requiredDropCapabilities: list('Capabilities that every container drops.'),
  allowedCapabilities: list('Capabilities that a container may add; * for all.'),
  allowHostDirVolumePlugin: flag('Adds hostPath to the volumes when true, and takes it out when false.'),
  allowHostNetwork: flag('Pods may use the network of the node.'),
  allowHostPorts: flag('Containers may publish ports on the node.'),
  allowHostPID: flag('Pods may see the processes of the node.'),
  allowHostIPC: flag('Pods may use the IPC namespace of the node.'),
  readOnlyRootFilesystem: flag('Containers must have a read-only root filesystem.'),
  userNamespaceLevel: {
    type: 'string',
    description: 'RequirePodLevel admits only pods with a user namespace of their own (hostUsers: false).',
    enum: ['AllowHostLevel', 'RequirePodLevel'],
    default: 'AllowHostLevel',
  },
  runAsUser: object('Which user id a container runs as.', {
    type: text('MustRunAs, MustRunAsRange, MustRunAsNonRoot or RunAsAny.'),
    uid: integer('The id for MustRunAs.'),
    uidRangeMin: integer('Lowest id for MustRunAsRange. Taken from the namespace when neither end is set.'),
    uidRangeMax: integer('Highest id for MustRunAsRange.'),
  }),
  seLinuxContext: object('Which SELinux context a container has.', {
    type: text('MustRunAs or RunAsAny.'),
    seLinuxOptions: {
      type: 'object',
      description: 'The context for MustRunAs. The level is taken from the namespace when not set.',
      properties: {
        user: text('SELinux user.'),
        role: text('SELinux role.'),
        type: text('SELinux type.'),
        level: text('SELinux level.'),
      },
    },
  }),
  fsGroup: groupStrategy('fsGroup'),
  supplementalGroups: groupStrategy('supplementalGroups'),
  seccompProfiles: list(
    'Accepted seccomp profiles; the first that is not * is the default. None may be set when empty.',
  ),
  allowedUnsafeSysctls: list('Unsafe sysctls that a pod may set; a trailing * makes a prefix.'),
  forbiddenSysctls: list('Sysctls that no pod may set; a trailing * makes a prefix.'),
  allowedFlexVolumes: {
    type: 'array',
    description: 'Accepted drivers of flexVolume; every driver when empty.',
    nullable: true,
    items: { type: 'object', required: ['driver'], properties: { driver: text('Name of the driver.') } },
    'x-kubernetes-list-type': 'atomic',
  },
  volumes: list('Accepted volume types; * for all, none for no volume.'),
};

const REQUIRED = [
  'allowHostDirVolumePlugin',
  'allowHostIPC',
  'allowHostNetwork',
  'allowHostPID',
  'allowHostPorts',
  'allowPrivilegedContainer',
  'allowedCapabilities',
  'defaultAddCapabilities',
  'priority',
  'readOnlyRootFilesystem',
  'requiredDropCapabilities',
  'volumes',
];

const column = (name: string, type: string, jsonPath: string) => ({ name, type, jsonPath });

/** The manifest as a plain object; `deploy/helm/files/crds/securitycontextconstraints.yaml` is its text. */
export const sccCustomResourceDefinition = () => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'securitycontextconstraints.security.openshift.io' },
  spec: {
    group: 'security.openshift.io',
    names: {
      kind: 'SecurityContextConstraints',
      listKind: 'SecurityContextConstraintsList',
      plural: 'securitycontextconstraints',
      singular: 'securitycontextconstraints',
    },
    scope: 'Cluster',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        additionalPrinterColumns: [
          column('Priv', 'boolean', '.allowPrivilegedContainer'),
          column('SELinux', 'string', '.seLinuxContext.type'),
          column('RunAsUser', 'string', '.runAsUser.type'),
          column('FSGroup', 'string', '.fsGroup.type'),
          column('Priority', 'integer', '.priority'),
        ],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            description: 'Governs what a pod may ask for and fills in what it leaves open.',
            required: REQUIRED,
            properties,
          },
        },
      },
    ],
  },
});
