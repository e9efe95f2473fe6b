package data

// A Cut says how many rows of a step are computed at once. What is computed at once is a pass: its rows lie one after
// the other without padding, and none sees another. Loss and gradients of a step are sums over its rows, so a cut
// changes nothing but the order in which they are added up.
//
// The zero value makes each micro-batch a pass.
type Cut struct {
	Tokens int  `json:"tokens"` // of a pass at most, but for a single row that is longer; 0 means no limit
	Merge  bool `json:"merge"`  // a pass may have rows of several micro-batches
}

// Passes cuts the rows of s in their order, into as few passes as possible; length tells how many tokens a row has.
func (c Cut) Passes(s Step, length func(row int) int) (passes [][]int) {
	groups := s.MicroBatches
	if c.Merge {
		var all []int
		for _, rows := range s.MicroBatches {
			all = append(all, rows...)
		}
		groups = [][]int{all}
	}
	for _, rows := range groups {
		first, tokens := 0, 0
		for i, row := range rows {
			n := length(row)
			if c.Tokens > 0 && i > first && n > c.Tokens-tokens { // a difference, since a sum may overflow
				passes = append(passes, rows[first:i:i])
				first, tokens = i, 0
			}
			tokens += n
		}
		if first < len(rows) {
			passes = append(passes, rows[first:])
		}
	}
	return passes
}
