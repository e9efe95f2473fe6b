// Package shaders holds the compute shaders of all kernels, compiled to SPIR-V and embedded.
//
// There is one GLSL source per family, forward and gradient together: first its formulas, then the line that lists its
// variants. The program in shaders/build compiles every variant into the folder spv, which is committed, so that
// building Vulora needs no shader compiler; a test fails when a source changed and spv did not.
//
// A variant's name is the kernel's name, then what is special about it: linear.bf16.vec. The words are
//
//	f32 f16 bf16   storage type of the weight or table
//	vec            reads vectors of four: rows and offsets must be multiples of four elements
//	group          a workgroup shares each item through shared memory and barriers
//	tiles          a workgroup stages tiles of both factors, or of queries and keys, in shared memory
//	exchange       a workgroup is one subgroup, whose lanes take from each other what each loaded
//	matrix         subgroups multiply matrices of bfloat16 (VK_KHR_cooperative_matrix)
//	half           ... of float16, of rows that are divided by powers of two
//
// A variant with none of group, tiles and matrix uses no shared memory and no barrier.
//
// Every shader needs Vulkan 1.1 and nothing optional, but for the words exchange, which needs subgroup shuffles, and
// matrix, which needs cooperative matrices, the Vulkan memory model, full subgroups of a size that is asked for, and
// bfloat16 matrices or, with half, float16.
//
// Bindings are the outputs of the kernel's contract, then its inputs (package tensor/kernel), the push constants its
// sizes; half has a last one for the powers. Specialization constant 0 is the workgroup size, a power of two; 1 and 2
// are the tile (linear, linear_back, matmul), or 1 is the elements of a head, in fours for vec (attention*); those of
// matrix are in its source.
//
// The package knows nothing of other packages' types. It is safe for concurrent use.
package shaders
