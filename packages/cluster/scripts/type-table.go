// Writes the Go tags of every API type (JSON name, proto number, pointer, omitempty, merge keys) as JSON, for generate-data.mjs.
// Run in a module that requires k8s.io/client-go, k8s.io/apiextensions-apiserver and k8s.io/kube-aggregator.
package main

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"

	apiext "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	aggregator "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

// Field is one struct field; Kind is string, bool, int32, int64, float, bytes or struct.
type Field struct {
	Name, Number, Kind, Type, MergeKey, Strategy   string
	List, Map, Pointer, Omitempty, Omitzero bool
}

var types = map[string][]Field{}

func describe(t reflect.Type) (string, string) {
	switch t.Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Uint32:
		return "int32", ""
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "int64", ""
	case reflect.Float32, reflect.Float64:
		return "float", ""
	case reflect.Struct:
		walk(t)
		return "struct", t.PkgPath() + "." + t.Name()
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes", ""
		}
		return "strings", t.Name()
	}
	return t.Kind().String(), ""
}

func walk(t reflect.Type) {
	name := t.PkgPath() + "." + t.Name()
	if _, seen := types[name]; seen {
		return
	}
	types[name] = nil
	fields := []Field{}
	for i := 0; i < t.NumField(); i++ {
		member := t.Field(i)
		tag, tagged := member.Tag.Lookup("json")
		if member.PkgPath != "" || !tagged || tag == "-" {
			continue
		}
		parts := strings.Split(tag, ",")
		field := Field{Name: parts[0], Strategy: member.Tag.Get("patchStrategy"), MergeKey: member.Tag.Get("patchMergeKey")}
		for _, option := range parts[1:] {
			field.Omitempty = field.Omitempty || option == "omitempty"
			field.Omitzero = field.Omitzero || option == "omitzero"
		}
		if proto := strings.Split(member.Tag.Get("protobuf"), ","); len(proto) > 1 {
			field.Number = proto[1]
		}
		value := member.Type
		if value.Kind() == reflect.Pointer {
			field.Pointer, value = true, value.Elem()
		}
		switch {
		case value.Kind() == reflect.Map:
			field.Map, value = true, value.Elem()
		case value.Kind() == reflect.Slice && value.Elem().Kind() != reflect.Uint8:
			field.List, value = true, value.Elem()
		}
		if value.Kind() == reflect.Pointer {
			value = value.Elem()
		}
		field.Kind, field.Type = describe(value)
		fields = append(fields, field)
	}
	types[name] = fields
}

func main() {
	known := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, apiext.AddToScheme, aggregator.AddToScheme} {
		if err := add(known); err != nil {
			panic(err)
		}
	}
	kinds := map[string]string{}
	for kind, t := range known.AllKnownTypes() {
		if kind.Version == "__internal" {
			continue
		}
		walk(t)
		kinds[kind.Group+"/"+kind.Version+"/"+kind.Kind] = t.PkgPath() + "." + t.Name()
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"kinds": kinds, "types": types}); err != nil {
		panic(err)
	}
}
