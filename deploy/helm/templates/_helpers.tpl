{{- define "trunkline.labels" -}}
app.kubernetes.io/name: trunkline
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "trunkline.selector" -}}
app.kubernetes.io/name: trunkline
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "trunkline.has-schemas" -}}
{{- range $folder, $name := .Values.schemas }}{{ if $name }}yes{{ end }}{{ end }}
{{- end }}

{{- /* What every pod has: the confinement, the settings, and the product's schemas. Called with the root, inside a pod's spec. */ -}}
{{- define "trunkline.pod" -}}
automountServiceAccountToken: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
volumes:
  - name: tmp
    emptyDir: {}
{{- range $folder, $name := .Values.schemas }}
{{- if $name }}
  - name: schemas-{{ $folder }}
    configMap: {name: {{ $name | quote }}}
{{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "trunkline.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
workingDir: /etc/trunkline
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
envFrom:
  - secretRef: {name: {{ required "existingSecret: name the Secret with the database's URL and the two secrets" .Values.existingSecret | quote }}}
env:
  - name: TRUNKLINE_LOGGING__FORMAT
    value: json
  - name: TRUNKLINE_SERVER__HOST # all addresses of the pod
    value: 0.0.0.0
{{- if include "trunkline.has-schemas" . }}
  - name: TRUNKLINE_PRODUCT__SCHEMAS
    value: ./schemas
{{- end }}
{{- range $name, $value := .Values.settings }}
  - name: {{ $name }}
    value: {{ ternary $value ($value | toJson) (kindIs "string" $value) | quote }} {{- /* quote alone writes 1e+07 */}}
{{- end }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
{{- range $folder, $name := .Values.schemas }}
{{- if $name }}
  - name: schemas-{{ $folder }}
    mountPath: /etc/trunkline/schemas/{{ $folder }}
    readOnly: true
{{- end }}
{{- end }}
{{- end }}
