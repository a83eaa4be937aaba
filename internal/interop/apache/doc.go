// Package apache holds the tests of the provider of this repository against a relying
// party and a user agent that nobody here wrote: Apache with mod_auth_openidc in front of
// an application, and Chromium. It exports nothing. README.md in this folder says what the
// tests need.
package apache
