# SPDX-License-Identifier: Apache-2.0
import sys

from holdfast_tools.command import main

sys.exit(main())
