# Checks of the tree itself. Needs nothing but Python.
foreach(name folder_edges check_skips)
  add_test(NAME ${name} COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tests/${name}_test.py)
  set_tests_properties(${name} PROPERTIES TIMEOUT 60)
endforeach()

# Whole runs. SlowRun.ci is the two-minute pipeline of configs/ci.toml; others start from the model it
# trained. The sanitizer build leaves them out by their name.
set(AMALGAM_PYTHON "${CMAKE_BINARY_DIR}/venv/bin/python3" CACHE FILEPATH
    "Python with torch and transformers, for the test that loads a model with them")
set(ci_run ${CMAKE_BINARY_DIR}/ci_run)
function(amalgam_run_test script check)
  add_test(NAME SlowRun.${check}
           COMMAND /usr/bin/python3 -B ${CMAKE_SOURCE_DIR}/tests/${script}.py $<TARGET_FILE:amalgam>
                   ${check} ${ARGN})
  set_tests_properties(SlowRun.${check} PROPERTIES LABELS slow TIMEOUT 1500 SKIP_RETURN_CODE 77)
  if("${ci_run}" IN_LIST ARGN)
    set_tests_properties(SlowRun.${check} PROPERTIES FIXTURES_REQUIRED ci_run)
  endif()
endfunction()
amalgam_run_test(run_test ci ${ci_run})
set_tests_properties(SlowRun.ci PROPERTIES FIXTURES_REQUIRED "" FIXTURES_SETUP ci_run)
foreach(check threads isa everything killed_late stopped)
  amalgam_run_test(run_test ${check})
endforeach()
foreach(check workers commands killed worker_killed launcher_killed gateway)
  amalgam_run_test(run_test ${check} ${ci_run})
endforeach()
foreach(check bad_config full_disk read_only)
  amalgam_run_test(bad_input_test ${check})
endforeach()
foreach(check bad_model reward_faults)
  amalgam_run_test(bad_input_test ${check} ${ci_run})
endforeach()
amalgam_run_test(tools_run_test tools)
amalgam_run_test(config_keys_test config_keys)
amalgam_run_test(transformers_load_test transformers ${ci_run} ${AMALGAM_PYTHON})
