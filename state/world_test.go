package state

import "context"

var background = context.Background()
