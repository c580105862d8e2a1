{{- /* One object: root, kind, name, entry (labels, annotations), spec. */ -}}
{{- define "machines.object" }}
---
apiVersion: compute.hostwright.dev/v1alpha1
kind: {{ .kind }}
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- with .entry.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    app.kubernetes.io/instance: {{ .root.Release.Name }}
  {{- with .entry.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec: {{- toYaml .spec | nindent 2 }}
{{- end }}
{{- /* What an entry of a claim or a pool is: the labels and annotations of all, and its own. */ -}}
{{- define "machines.entry" }}
{{- $shared := pick .defaults "labels" "annotations" }}
{{- mergeOverwrite (deepCopy $shared) (deepCopy .own) | toYaml }}
{{- end }}
