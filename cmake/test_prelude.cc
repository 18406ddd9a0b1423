// SPDX-License-Identifier: Apache-2.0
// The headers that all tests share belong to a target, and a target has a source. See
// HoldfastTestPrelude.cmake.
