// Package recipes is the folder of the examples for frameworks. Its test writes README.md,
// which shows each as a difference to the one for net/http.
package recipes
