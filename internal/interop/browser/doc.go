// Package browser drives Chromium for the tests of this repository that look at pages as a
// user's browser does: cookies, frames, scripts and policies as they are.
package browser
