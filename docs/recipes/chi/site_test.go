package site

import (
	"testing"

	"github.com/oidcservice/oidc/docs/recipes/internal/sitetest"
)

func TestSite(t *testing.T) { sitetest.Handler(t, New) }
