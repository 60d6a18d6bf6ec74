# find_package(barnabas) gives the target barnabas::barnabas.
include("${CMAKE_CURRENT_LIST_DIR}/barnabas-targets.cmake")
