package qwen2

import (
	"fmt"
	"strings"
)

func layerName(i int) string { return fmt.Sprintf("model.layers.%d", i) }

func moduleName(layer int, module string) string { return layerName(layer) + "." + module }

func lastName(module string) string { return module[strings.LastIndexByte(module, '.')+1:] }
