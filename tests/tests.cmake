# Checks of the tree itself. Needs nothing but Python.
foreach(name folder_edges check_skips)
  add_test(NAME ${name} COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tests/${name}_test.py)
  set_tests_properties(${name} PROPERTIES TIMEOUT 60)
endforeach()
