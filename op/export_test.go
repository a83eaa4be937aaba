package op

// What tests of this package look into.
var (
	PageTexts = pageTexts
	MayReach  = mayReach
)
