// Package checking keeps the status of static instances, which no process of their own
// keeps. Of the processes that check the same instances one acts: the one that holds a
// [Lock] in etcd. A [Round] is what it does meanwhile: it follows which instances there
// are, checks them, and has a [Store] write what has changed.
//
// What is written is the status in the value of the instance, as its registrar would
// write it, and no override: that is the operator's, who could not tell theirs from
// this one, and whose undrain would put an instance back that does not work. A value
// whose status is draining is left as it is: somebody wrote that on purpose.
package checking
