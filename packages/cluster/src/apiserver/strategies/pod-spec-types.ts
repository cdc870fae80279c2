/** Pod specifications as the schema has checked them: members have these types or are absent. */

export interface ProbeSpec {
  exec?: { command?: string[] };
  httpGet?: { path?: string; scheme?: string; port?: number | string };
  tcpSocket?: { port?: number | string };
  grpc?: { port?: number; service?: string };
  /** Of hooks alone. */
  sleep?: { seconds?: number };
  timeoutSeconds?: number;
  periodSeconds?: number;
  successThreshold?: number;
  failureThreshold?: number;
  initialDelaySeconds?: number;
}

interface EnvSpec {
  name: string;
  value?: string;
  valueFrom?: { fieldRef?: { apiVersion?: string; fieldPath?: string } };
}

export interface ContainerSpec {
  name: string;
  image?: string;
  imagePullPolicy?: string;
  terminationMessagePath?: string;
  terminationMessagePolicy?: string;
  restartPolicy?: string;
  ports?: { name?: string; containerPort: number; hostPort?: number; protocol?: string }[];
  env?: EnvSpec[];
  envFrom?: Record<string, unknown>[];
  resources?: { limits?: Record<string, string>; requests?: Record<string, string> };
  livenessProbe?: ProbeSpec;
  readinessProbe?: ProbeSpec;
  startupProbe?: ProbeSpec;
  lifecycle?: { postStart?: ProbeSpec; preStop?: ProbeSpec };
  volumeMounts?: { name: string; mountPath: string; subPath?: string; readOnly?: boolean }[];
  securityContext?: Record<string, unknown>;
}

export interface DownwardItem {
  fieldRef?: { apiVersion?: string };
}

export interface VolumeSpec {
  name: string;
  emptyDir?: object;
  hostPath?: { path?: string; type?: string };
  secret?: { defaultMode?: number; secretName?: string };
  configMap?: { defaultMode?: number; name?: string };
  downwardAPI?: { defaultMode?: number; items?: DownwardItem[] };
  projected?: {
    defaultMode?: number;
    sources?: {
      serviceAccountToken?: { expirationSeconds?: number; path?: string };
      downwardAPI?: { items?: DownwardItem[] };
      configMap?: object;
      secret?: object;
    }[];
  };
  [source: string]: unknown;
}

export interface PodSpecView {
  containers: ContainerSpec[] | null;
  initContainers?: ContainerSpec[];
  volumes?: VolumeSpec[];
  restartPolicy?: string;
  dnsPolicy?: string;
  nodeName?: string;
  nodeSelector?: Record<string, string>;
  hostNetwork?: boolean;
  schedulerName?: string;
  securityContext?: object;
  serviceAccountName?: string;
  serviceAccount?: string;
  automountServiceAccountToken?: boolean;
  terminationGracePeriodSeconds?: number;
  activeDeadlineSeconds?: number;
  enableServiceLinks?: boolean;
  priority?: number;
  priorityClassName?: string;
  preemptionPolicy?: string;
  tolerations?: { key?: string; operator?: string; effect?: string; value?: string; tolerationSeconds?: number }[];
  imagePullSecrets?: { name?: string }[];
  hostname?: string;
  subdomain?: string;
  hostAliases?: object[];
  readinessGates?: object[];
  topologySpreadConstraints?: object[];
  affinity?: object;
  dnsConfig?: object;
  hostPID?: boolean;
  shareProcessNamespace?: boolean;
  os?: { name?: string };
  schedulingGates?: { name?: string }[];
  ephemeralContainers?: object[];
}

/** `corev1.PodTemplateSpec` after the schema. */
export interface PodTemplateView {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: PodSpecView;
}
