{{- define "firstclaim.labels" -}}
app.kubernetes.io/name: firstclaim
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .process }}
{{- end }}

{{- define "firstclaim.name" -}}
{{ printf "%s-%s" .root.Release.Name .process | trunc 52 | trimSuffix "-" }}
{{- end }}
