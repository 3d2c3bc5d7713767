// Reads an exposition with Prometheus' own parser, and writes what it understood: a line of JSON for each family.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func main() {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	out := json.NewEncoder(os.Stdout)
	for name, family := range families {
		labels := []map[string]string{}
		for _, metric := range family.Metric {
			pairs := map[string]string{}
			for _, pair := range metric.Label {
				pairs[pair.GetName()] = pair.GetValue()
			}
			labels = append(labels, pairs)
		}
		kind := strings.ToLower(family.GetType().String())
		if err := out.Encode(map[string]any{"name": name, "type": kind, "help": family.GetHelp(), "series": labels}); err != nil {
			panic(err)
		}
	}
}
