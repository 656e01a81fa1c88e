package balance_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/balance"
)

func services(n int) *finder {
	list := make([]registrar.Instance, n)
	for i := range list {
		list[i] = instance("a", weight(uint16(50+i%100)), locality(fmt.Sprintf("az%d", i%3)))
		list[i].ID = fmt.Sprintf("i%d", i)
	}
	return find(list...)
}

// send is a request that is answered at once.
func send(balancer *balance.Balancer, exclude ...string) {
	p, err := balancer.Pick(context.Background(), exclude...)
	if err != nil {
		panic(err)
	}
	p.Done(balance.Result{})
}

// BenchmarkPick is a pick and its end.
func BenchmarkPick(b *testing.B) {
	for _, n := range []int{3, 100, 5000} {
		for name, opts := range map[string][]balance.Option{
			"weighted": nil, "leastloaded": {balance.WithPolicy(balance.LeastLoaded)},
			"locality": {balance.WithLocality("az1")},
		} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				balancer := balance.New(services(n), "orders", opts...)
				b.ReportAllocs()
				for b.Loop() {
					send(balancer)
				}
			})
		}
	}
}

// BenchmarkPickParallel shows what is contended.
func BenchmarkPickParallel(b *testing.B) {
	balancer := balance.New(services(100), "orders", balance.WithPolicy(balance.LeastLoaded))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			send(balancer)
		}
	})
}

// BenchmarkPickExcept is a pick for another try.
func BenchmarkPickExcept(b *testing.B) {
	balancer := balance.New(services(100), "orders")
	b.ReportAllocs()
	for b.Loop() {
		send(balancer, "i7")
	}
}

// BenchmarkChange is a pick after a change of the set.
func BenchmarkChange(b *testing.B) {
	for _, n := range []int{3, 100, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := services(n)
			balancer := balance.New(f, "orders", balance.WithLocality("az1"))
			b.ReportAllocs()
			for b.Loop() {
				f.set(f.service.Load().Instances...)
				send(balancer)
			}
		})
	}
}
