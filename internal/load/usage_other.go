//go:build !unix

package main

import "errors"

// used is not implemented here: the CPU time of a running process is asked of Unix.
func used() (usage, error) {
	return usage{}, errors.New("this system does not tell the CPU time of a running process")
}
