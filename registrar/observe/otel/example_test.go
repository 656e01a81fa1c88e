package otel_test

import (
	"context"
	"fmt"
	"log"

	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/observe/otel"

	_ "github.com/rosterdns/roster/registrar/memory"
)

// A program that counts the look-ups of orders apart. It reads what it measured itself;
// most have an exporter in place of that.
func Example() {
	ctx := context.Background()
	reader := sdk.NewManualReader()
	observer, err := otel.New(sdk.NewMeterProvider(sdk.WithReader(reader)), otel.WithNames("orders"))
	if err != nil {
		log.Fatal(err)
	}
	defer observer.Close() // after the client
	client, err := registrar.Open(ctx, "memory", registrar.WithObserver(observer))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	_, _ = client.GetService(ctx, "orders")

	var measured metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &measured); err != nil {
		log.Fatal(err)
	}
	for _, instrument := range measured.ScopeMetrics[0].Metrics {
		if instrument.Name == "roster.client.lookups" {
			for _, point := range instrument.Data.(metricdata.Sum[int64]).DataPoints {
				for _, attribute := range point.Attributes.ToSlice() {
					fmt.Println(attribute.Key, attribute.Value.String())
				}
				fmt.Println(point.Value)
			}
		}
	}
	// Output:
	// error.type not_found
	// roster.lookup.name orders
	// 1
}
