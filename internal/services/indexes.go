package services

import (
	"slices"

	"github.com/rosterdns/roster/catalog"
)

// indexes lead to services by other things than their names. What they have is of
// services and instances that are there.
type indexes struct {
	addresses  addressIndex
	reach      reachIndex
	ports      index[portItem]
	named      index[namedPort]
	dependents index[dependentItem]
}

// indexEdits is what a commit does to the indexes.
type indexEdits struct {
	// addressed says that there is an index by address.
	addressed  bool
	addresses  []addressEdit
	reach      []reachItem
	ports      []portsEdit
	dependents []indexEdit[dependentItem]
}

// portsEdit says how many instances of a service more have just these ports.
type portsEdit struct {
	service *catalog.ServiceName
	ports   packedPorts
	count   int
}

// with returns indexes in which the edits are made.
func (x indexes) with(e *indexEdits) indexes {
	ports := resolvePorts(x.ports, e.sumPorts())
	named := resolveNamedPorts(x.named, x.ports, ports)
	return indexes{
		addresses:  x.addresses.with(e.addresses),
		reach:      x.reach.with(e.reach),
		ports:      x.ports.with(ports),
		named:      x.named.with(named),
		dependents: x.dependents.with(e.dependents),
	}
}

// fork returns the same indexes for generations that take another course.
func (x indexes) fork() indexes {
	x.addresses, x.reach = x.addresses.fork(), x.reach.fork()
	return x
}

// instance notes that an instance is replaced by another; one of them can be nil.
func (e *indexEdits) instance(service *catalog.ServiceName, old, next *entry) {
	if e.addressed && (old == nil || next == nil || old.addresses() != next.addresses()) {
		e.addAddresses(service, old, true)
		e.addAddresses(service, next, false)
	}
	if old == nil || next == nil || old.ports() != next.ports() {
		e.addPorts(service, old, -1)
		e.addPorts(service, next, 1)
	}
}

func (e *indexEdits) addAddresses(service *catalog.ServiceName, in *entry, remove bool) {
	if in == nil {
		return
	}
	more := 1
	if remove {
		more = -1
	}
	for a := range in.addresses().all() {
		e.addresses = append(e.addresses, newAddressEdit(a, service, in.id(), remove))
		e.reach = append(e.reach, reachItem{a, more})
	}
}

func (e *indexEdits) addPorts(service *catalog.ServiceName, in *entry, more int) {
	if in == nil {
		return
	}
	ports := in.ports()
	// Instances of a service have the same ports as a rule, and come together.
	if last := len(e.ports) - 1; last >= 0 && e.ports[last].service == service && e.ports[last].ports == ports {
		e.ports[last].count += more
	} else {
		e.ports = append(e.ports, portsEdit{service, ports, more})
	}
}

// sumPorts returns the named ports of which the number of instances changed, each once:
// how many more have it.
func (e *indexEdits) sumPorts() []portItem {
	items := make([]portItem, 0, len(e.ports))
	for _, edit := range e.ports {
		for p := range edit.ports.all() {
			if p.Name != "" {
				items = append(items, portItem{edit.service, portName(p), edit.count})
			}
		}
	}
	slices.SortFunc(items, portItem.compare)
	sums := items[:0]
	for _, item := range items {
		if last := len(sums) - 1; last >= 0 && sums[last].compare(item) == 0 {
			sums[last].count += item.count
		} else {
			sums = append(sums, item)
		}
	}
	return slices.DeleteFunc(sums, func(i portItem) bool { return i.count == 0 })
}

// policy notes that the policy of a service is replaced by another; one of them
// can be nil.
func (e *indexEdits) policy(service catalog.ServiceName, old, next *catalog.Policy) {
	for n := range targets(old) {
		e.dependents = append(e.dependents, indexEdit[dependentItem]{dependentItem{n, service}, true})
	}
	for n := range targets(next) {
		e.dependents = append(e.dependents, indexEdit[dependentItem]{dependentItem{n, service}, false})
	}
}
