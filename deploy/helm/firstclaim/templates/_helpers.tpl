{{- define "firstclaim.labels" -}}
app.kubernetes.io/name: firstclaim
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .process }}
{{- end }}

{{- define "firstclaim.name" -}}
{{ printf "%s-%s" .root.Release.Name .process | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- /* What the pods of all processes and commands have in common. Each takes a dict with root, process and given. */}}
{{/* A value as text. Helm reads each number as a fraction, and would write a large whole one as 1e+06. */}}
{{- define "firstclaim.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}{{- int64 . -}}{{- else -}}{{- toString . -}}{{- end -}}
{{- end -}}

{{- define "firstclaim.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: 30
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: state
    emptyDir: {}
  - name: tmp
    emptyDir: {}
  - name: erasure-key
    secret:
      secretName: {{ .root.Values.erasureKeySecretName }}
      defaultMode: 0400
      items:
        - {key: erasure.key, path: erasure.key}
  {{- with .root.Values.caSecretName }}
  - name: ca
    secret:
      secretName: {{ . }}
      items:
        - {key: ca.crt, path: ca.crt}
  {{- end }}
  {{- with .root.Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .given.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "firstclaim.container" -}}
image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag }}"
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
env:
  - name: POD_NAME
    valueFrom:
      fieldRef: {fieldPath: metadata.name}
  {{- range $name, $value := .given.env }}
  - name: {{ $name }}
    value: {{ include "firstclaim.text" $value | quote }}
  {{- end }}
envFrom:
  - configMapRef:
      name: {{ .root.Release.Name }}-settings
  {{- with .root.Values.secretName }}
  - secretRef:
      name: {{ . }}
  {{- end }}
  {{- with .given.secretName }}
  - secretRef:
      name: {{ . }}
  {{- end }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
volumeMounts:
  - {name: state, mountPath: /var/lib/firstclaim}
  - {name: tmp, mountPath: /tmp}
  - {name: erasure-key, mountPath: /etc/firstclaim, readOnly: true}
  {{- if .root.Values.caSecretName }}
  - {name: ca, mountPath: /etc/firstclaim-ca, readOnly: true}
  {{- end }}
  {{- with .root.Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .given.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
